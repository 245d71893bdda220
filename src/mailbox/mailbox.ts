import { hash, timingSafeEqual } from "node:crypto";
import {
  brokerTopic,
  Fault,
  isExpired,
  Message,
  noticeMessage,
  noticeOf,
  provesAtLeast,
  type Envelope,
  type Keeper,
  type Recipient,
  type Subscriber,
} from "../core/index.js";

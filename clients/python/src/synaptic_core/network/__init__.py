"""Agents that seal what they say: Agent Network over WebSocket, for asyncio."""

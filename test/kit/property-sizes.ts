import fc from "fast-check";

// Without it a list of `maxLength: 200` has 10 elements at most, and a random story is over before it begins.
fc.configureGlobal({ ...fc.readConfigureGlobal(), defaultSizeToMaxWhenMaxSpecified: true });

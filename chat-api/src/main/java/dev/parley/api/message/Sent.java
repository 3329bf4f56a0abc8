package dev.parley.api.message;

/** A message that was accepted, and its pending answer. */
public record Sent(Message message, Message answer) {}

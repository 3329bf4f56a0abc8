package dev.parley.pipeline.live;

/**
 * The text of a run so far.
 *
 * @param run the run's id
 * @param text all of it; its length in UTF-16 code units is the offset of what comes next
 */
public record LiveText(String run, String text) {}

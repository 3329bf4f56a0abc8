/**
 * The fake Gemini: an HTTP and HTTPS server that speaks the part of Google's Gemini API that Parley uses, and that can be
 * told to misbehave. {@link dev.parley.dev.gemini.FakeGemini} is the door; the README of this module lists the markers.
 */
package dev.parley.dev.gemini;

package dev.parley.api.user;

/** Who may come in. */
public enum AuthMode {
    /** Everybody, as one local user. */
    NONE
}

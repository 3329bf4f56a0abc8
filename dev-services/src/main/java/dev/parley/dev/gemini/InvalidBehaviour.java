package dev.parley.dev.gemini;

/** A behaviour that cannot be: the message begins with the name of the field that is wrong. */
public final class InvalidBehaviour extends IllegalArgumentException {
    private static final long serialVersionUID = 1L;

    private final String field;

    InvalidBehaviour(String field, String problem) {
        super(field + ": " + problem);
        this.field = field;
    }

    /** The field at fault, as it is written in a marker or an admin call. */
    public String field() {
        return field;
    }
}

package dev.parley.worker.quota;

/** A quota group with a model: what the provider has one count for. */
record Lane(String group, String model) {
    Lane {
        model = Demand.nameOf(model);
    }

    /** Its name in Redis; no group's name has a slash. */
    String text() {
        return group + "/" + model;
    }
}

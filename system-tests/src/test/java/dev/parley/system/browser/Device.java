package dev.parley.system.browser;

import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;

/** The browser of a {@link Tab}: without it, one at a desk. */
@Retention(RetentionPolicy.RUNTIME)
@interface Device {
    /** As narrow as a phone, with a touch screen. */
    boolean phone() default false;

    /** With the service worker, which only tests of it need: it fetches the whole shell. */
    boolean worker() default false;
}

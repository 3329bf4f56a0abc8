package dev.parley.worker.request;

import dev.parley.pipeline.live.Runs;
import dev.parley.pipeline.message.AnswerRef;
import dev.parley.worker.gemini.Cancellation;
import dev.parley.worker.gemini.DeltaListener;
import java.time.Duration;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Shows a run's text while it is made. The first delta goes out at once; later ones are joined while one is under way or
 * less than {@link #JOIN} old, so that a fast stream costs Redis a bounded number of writes. Redis being away costs the
 * live text only: when it is back, the whole text is written from the beginning. Thread-safe.
 */
final class LiveWriter implements DeltaListener {
    /** Still a flowing text to the eye, and 200 streams stay below 3,500 writes a second. */
    static final Duration JOIN = Duration.ofMillis(60);

    private final Runs runs;
    private final AnswerRef answer;
    private final String run;
    private final Cancellation cancellation;
    private final ScheduledExecutorService timer;
    private final Runnable onFirstText;
    private final ReentrantLock lock = new ReentrantLock();
    private final StringBuilder text = new StringBuilder();
    /** Everything before this offset (UTF-16 units, and the same in UTF-8 bytes) has been sent. */
    private int sent;

    private long sentBytes;
    private boolean underWay;
    private boolean scheduled;
    private boolean gap;
    private boolean ended;
    private long lastSent;

    LiveWriter(
            Runs runs,
            AnswerRef answer,
            String run,
            Cancellation cancellation,
            ScheduledExecutorService timer,
            Runnable onFirstText) {
        this.runs = runs;
        this.answer = answer;
        this.run = run;
        this.cancellation = cancellation;
        this.timer = timer;
        this.onFirstText = onFirstText;
    }

    /** Tells the viewers that a run begins. One that is never sent is none of theirs. */
    @Override
    public void onSending() {
        runs.start(answer, run).whenComplete((outcome, e) -> {
            if (outcome == Runs.Append.LOST) {
                lost();
            }
        });
    }

    /** Of a run that is over it is no news, and the message's next run must not be stopped by it. */
    private void lost() {
        lock.lock();
        try {
            if (!ended) {
                cancellation.cancel(Running.LEASE_LOST);
            }
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void onText(String delta) {
        lock.lock();
        try {
            if (text.isEmpty()) {
                onFirstText.run();
            }
            text.append(delta);
            send();
        } finally {
            lock.unlock();
        }
    }

    /** The run is over: what is not shown yet comes with the result, so nothing more is sent. */
    void end() {
        lock.lock();
        try {
            ended = true;
        } finally {
            lock.unlock();
        }
    }

    private void send() {
        if (ended || underWay || scheduled || sent == text.length()) {
            return;
        }
        long wait = sent == 0 ? 0 : JOIN.toNanos() - (System.nanoTime() - lastSent);
        if (wait > 0) {
            scheduled = true;
            timer.schedule(this::due, wait, TimeUnit.NANOSECONDS);
            return;
        }
        if (gap) {
            sent = 0;
            sentBytes = 0;
            gap = false;
        }
        String piece = text.substring(sent);
        int offset = sent;
        long before = sentBytes;
        sent = text.length();
        sentBytes += Runs.bytes(piece);
        underWay = true;
        lastSent = System.nanoTime();
        runs.append(answer, run, offset, before, piece).whenComplete(this::arrived);
    }

    private void due() {
        lock.lock();
        try {
            scheduled = false;
            send();
        } finally {
            lock.unlock();
        }
    }

    private void arrived(Runs.Append outcome, Throwable failure) {
        if (outcome == Runs.Append.LOST) {
            lost();
            return;
        }
        lock.lock();
        try {
            underWay = false;
            gap = gap || failure != null || outcome == Runs.Append.GAP;
            if (outcome == Runs.Append.GAP) {
                sent = 0;
            }
            send();
        } finally {
            lock.unlock();
        }
    }
}

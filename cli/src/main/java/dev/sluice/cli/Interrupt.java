package dev.sluice.cli;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * Turns Ctrl-C and SIGTERM into a call, and keeps the JVM alive until what was stopped has been summed up and printed.
 */
final class Interrupt implements AutoCloseable {
    private static final long SECONDS_TO_FINISH = 30;

    /** Opened when the command is over and its output written. */
    private static final CountDownLatch FINISHED = new CountDownLatch(1);

    private final Thread hook;

    private Interrupt(Thread hook) {
        this.hook = hook;
    }

    /** Until it is closed, the end of the JVM calls this first and then waits for the command. */
    static Interrupt calls(Runnable stop) {
        Thread hook = new Thread(
                () -> {
                    stop.run();
                    try {
                        FINISHED.await(SECONDS_TO_FINISH, TimeUnit.SECONDS);
                    } catch (InterruptedException e) {
                        Thread.currentThread().interrupt();
                    }
                },
                "sluice-interrupt");
        Runtime.getRuntime().addShutdownHook(hook);
        return new Interrupt(hook);
    }

    /** The command is over: a JVM that is ending may end. */
    static void finished() {
        FINISHED.countDown();
    }

    @Override
    public void close() {
        try {
            Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException e) {
            // the JVM is ending already, and the hook waits for the summary
        }
    }
}

package dev.sluice.memory;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(300)
class QuiescentStatesTest {
    private final QuiescentStates states = new QuiescentStates();

    @Test
    void withoutReadersEverythingHasPassed() {
        assertThat(states.passed(states.stamp())).isTrue();
    }

    @Test
    void aReaderHoldsItUpUntilItSaysThatItHoldsNothing() {
        QuiescentStates.Reader reader = states.newReader();
        reader.announces(true);
        boolean entered = reader.enter();
        long stamp = states.stamp();
        assertThat(states.passed(stamp)).isFalse();
        reader.leave(entered);
        assertThat(states.passed(stamp)).isFalse();
        reader.quiescent();
        assertThat(states.passed(stamp)).isTrue();

        long next = states.stamp();
        assertThat(next).isGreaterThan(stamp);
        assertThat(states.passed(next)).isFalse();
        reader.offline();
        assertThat(states.passed(next)).isTrue();
    }

    @Test
    void aReaderThatAnnouncesNothingIsOfflineBetweenRuns() {
        QuiescentStates.Reader reader = states.newReader();
        boolean entered = reader.enter();
        assertThat(reader.enter()).as("inside already").isFalse();
        long stamp = states.stamp();
        assertThat(states.passed(stamp)).isFalse();
        reader.leave(entered);
        assertThat(states.passed(stamp)).isTrue();
    }

    @Test
    void aStampFromBeforeAReaderCameDoesNotWaitForIt() {
        QuiescentStates.Reader other = states.newReader();
        other.enter();
        long stamp = states.stamp();
        assertThat(states.passed(stamp)).isFalse();
        QuiescentStates.Reader late = states.newReader();
        late.enter(); // sees the stamp already
        other.offline();
        assertThat(states.passed(stamp)).isTrue();
        assertThat(states.passed(states.stamp())).isFalse();
        late.close();
        assertThat(states.passed(states.stamp())).isTrue();
    }

    @Test
    void thoseThatAreNoQueuesHoldItUpToo() {
        int first = states.enter();
        int second = states.enter();
        assertThat(first).isNotEqualTo(second);
        long stamp = states.stamp();
        states.leave(first);
        assertThat(states.passed(stamp)).isFalse();
        states.leave(second);
        assertThat(states.passed(stamp)).isTrue();
    }

    @Test
    void retiringFreesAtOnceOrLater() throws InterruptedException {
        AtomicInteger freed = new AtomicInteger();
        states.retire(freed::incrementAndGet);
        assertThat(freed).hasValue(1);

        QuiescentStates.Reader reader = states.newReader();
        reader.enter();
        CountDownLatch last = new CountDownLatch(2);
        states.retire(last::countDown);
        states.retire(last::countDown);
        assertThat(states.waiting()).isEqualTo(2);
        reader.offline();
        assertThat(last.await(180, TimeUnit.SECONDS)).isTrue();
    }

    @Test
    void aFailureWhileFreeingHoldsUpNothingElse() throws InterruptedException {
        QuiescentStates.Reader reader = states.newReader();
        reader.enter();
        AtomicReference<Throwable> seen = new AtomicReference<>();
        CountDownLatch last = new CountDownLatch(1);
        states.retire(() -> {
            Thread.currentThread().setUncaughtExceptionHandler((thread, e) -> seen.set(e));
            throw new AssertionError("a bug");
        });
        states.retire(last::countDown);
        reader.offline();
        assertThat(last.await(180, TimeUnit.SECONDS)).isTrue();
        while (states.waiting() > 0 || seen.get() == null) {
            Thread.sleep(1);
        }
        assertThat(seen.get()).hasMessage("a bug");
    }

    /** Threads read what a pointer shows while another replaces and frees it: none may see a freed one. */
    @Test
    void nobodySeesWhatIsFreed() throws InterruptedException {
        int[] dead = new int[1 << 12];
        AtomicInteger current = new AtomicInteger();
        AtomicInteger wrong = new AtomicInteger();
        Thread[] threads = new Thread[2];
        for (int i = 0; i < threads.length; i++) {
            boolean queue = i == 0;
            threads[i] = new Thread(() -> {
                try (QuiescentStates.Reader reader = states.newReader()) {
                    reader.announces(true);
                    while (current.get() < dead.length - 1) {
                        int entered = queue ? 0 : states.enter();
                        if (queue) {
                            reader.enter();
                        }
                        int mine = current.get();
                        for (int spin = 0; spin < 20; spin++) {
                            Thread.onSpinWait();
                        }
                        if (dead[mine] != 0) {
                            wrong.incrementAndGet();
                        }
                        if (queue) {
                            reader.quiescent();
                        } else {
                            states.leave(entered);
                        }
                    }
                }
            });
            threads[i].start();
        }
        for (int next = 1; next < dead.length; next++) {
            int old = current.getAndSet(next);
            states.retire(() -> dead[old] = 1);
        }
        for (Thread thread : threads) {
            thread.join();
        }
        while (states.waiting() > 0) {
            Thread.sleep(1);
        }
        assertThat(wrong).hasValue(0);
        assertThat(dead[0]).isEqualTo(1);
    }
}

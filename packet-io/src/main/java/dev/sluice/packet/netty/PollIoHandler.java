package dev.sluice.packet.netty;

import io.netty.channel.IoHandle;
import io.netty.channel.IoHandler;
import io.netty.channel.IoHandlerContext;
import io.netty.channel.IoHandlerFactory;
import io.netty.channel.IoOps;
import io.netty.channel.IoRegistration;
import io.netty.channel.epoll.Epoll;
import io.netty.channel.epoll.EpollIoHandle;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.util.concurrent.ThreadAwareExecutor;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * The composite I/O handler of a packet loop: polls {@link PollHandle}s, delegates file descriptors to epoll, waits only when
 * neither has work. Owned by its loop's thread; {@link #wakeup} may be called by any. Allocates when handles come and go.
 */
public final class PollIoHandler implements IoHandler {
    /** Packets that a handle may take in one poll, as in NAPI. */
    public static final int BUDGET = 64;

    /** Rounds over the handles before the loop looks at its tasks again. */
    private static final int ROUNDS = 8;

    /** While handles have work, file descriptors are looked at after this many runs: a look costs about a microsecond. */
    private static final int RUNS_BETWEEN_LOOKS = 4;

    private final ThreadAwareExecutor executor;
    private final List<Registration> polled = new ArrayList<>();
    private final List<RoundHandle> told = new ArrayList<>();
    private final DelegateContext delegateContext = new DelegateContext();

    /** Made when the first file descriptor comes: loading the native library takes longer than a short replay. */
    private volatile @Nullable IoHandler epoll;

    private boolean initialized;
    private int runsSinceLook;
    private volatile @Nullable Thread waiting;

    private PollIoHandler(ThreadAwareExecutor executor) {
        this.executor = executor;
    }

    /** Makes such handlers, for {@code new MultiThreadIoEventLoopGroup(n, PollIoHandler.newFactory())}. */
    public static IoHandlerFactory newFactory() {
        return PollIoHandler::new;
    }

    @Override
    public void initialize() {
        initialized = true;
    }

    @Override
    public int run(IoHandlerContext context) {
        int work = 0;
        for (int round = 0; round < ROUNDS; round++) {
            int done = pollAll();
            if (done == 0) {
                break;
            }
            work += done;
        }
        IoHandler descriptors = epoll;
        if (work > 0) {
            if (descriptors != null && ++runsSinceLook >= RUNS_BETWEEN_LOOKS) {
                runsSinceLook = 0;
                work += descriptors.run(delegateContext.of(context, false));
            }
            return work;
        }
        runsSinceLook = 0;
        beforeWaiting();
        if (descriptors != null) {
            return descriptors.run(delegateContext.of(context, true));
        }
        waitForWakeup(context);
        return 0;
    }

    private int pollAll() {
        int work = 0;
        // by index: a handle may be added or removed while another is polled
        for (int i = 0; i < polled.size(); i++) {
            Registration registration = polled.get(i);
            work += registration.handle.poll(BUDGET);
        }
        for (int i = 0; i < told.size(); i++) {
            told.get(i).roundEnded();
        }
        return work;
    }

    private void beforeWaiting() {
        for (int i = 0; i < told.size(); i++) {
            told.get(i).beforeWaiting();
        }
    }

    /** Nanoseconds until a handle has work. */
    private long idleNanos() {
        long least = PollHandle.UNTIL_WOKEN;
        for (int i = 0; i < polled.size() && least > 0; i++) {
            least = Math.min(least, polled.get(i).handle.idleNanos());
        }
        return least;
    }

    private void waitForWakeup(IoHandlerContext context) {
        waiting = Thread.currentThread();
        // from here on a wake-up ends the waiting; what came before is seen by these two
        if (context.canBlock()) {
            long idle = idleNanos();
            long delay = context.delayNanos(System.nanoTime());
            // negative: no deadline of a task
            long nanos = delay < 0 ? idle : Math.min(delay, idle);
            if (nanos == PollHandle.UNTIL_WOKEN) {
                LockSupport.park(this);
            } else if (nanos > 0) {
                LockSupport.parkNanos(this, nanos);
            }
        }
        waiting = null;
    }

    @Override
    public void wakeup() {
        if (executor.isExecutorThread(Thread.currentThread())) {
            return;
        }
        IoHandler descriptors = epoll;
        if (descriptors != null) {
            descriptors.wakeup();
        }
        Thread thread = waiting;
        if (thread != null) {
            LockSupport.unpark(thread);
        }
    }

    @Override
    public IoRegistration register(IoHandle handle) throws Exception {
        if (handle instanceof PollHandle pollHandle) {
            Registration registration = new Registration(pollHandle);
            polled.add(registration);
            if (handle instanceof RoundHandle roundHandle) {
                told.add(roundHandle);
            }
            pollHandle.registered();
            return registration;
        }
        IoHandler descriptors = epoll;
        if (descriptors == null) {
            descriptors = EpollIoHandler.newFactory().newHandler(executor);
            if (initialized) {
                descriptors.initialize();
            }
            epoll = descriptors;
        }
        return descriptors.register(handle);
    }

    @Override
    public boolean isCompatible(Class<? extends IoHandle> handleType) {
        return PollHandle.class.isAssignableFrom(handleType)
                || EpollIoHandle.class.isAssignableFrom(handleType) && Epoll.isAvailable();
    }

    @Override
    public void prepareToDestroy() {
        for (Registration registration : List.copyOf(polled)) {
            try {
                registration.handle.close();
            } catch (Exception e) {
                // the loop is going away with whatever the handle held
            }
        }
        IoHandler descriptors = epoll;
        if (descriptors != null) {
            descriptors.prepareToDestroy();
        }
    }

    @Override
    public void destroy() {
        IoHandler descriptors = epoll;
        if (descriptors != null) {
            descriptors.destroy();
        }
    }

    private final class Registration implements IoRegistration {
        private final PollHandle handle;
        private final AtomicBoolean cancelled = new AtomicBoolean();

        Registration(PollHandle handle) {
            this.handle = handle;
        }

        @Override
        @SuppressWarnings("unchecked")
        public <T> T attachment() {
            return (T) handle;
        }

        @Override
        public long submit(IoOps ops) {
            if (!isValid()) {
                return -1;
            }
            wakeup();
            return 1;
        }

        @Override
        public boolean isValid() {
            return !cancelled.get();
        }

        @Override
        public boolean cancel() {
            if (!cancelled.compareAndSet(false, true)) {
                return false;
            }
            if (executor.isExecutorThread(Thread.currentThread())) {
                remove();
            } else {
                executor.execute(this::remove);
            }
            return true;
        }

        private void remove() {
            polled.remove(this);
            told.remove(handle);
            handle.unregistered();
        }
    }

    /** What epoll is told: the loop's own wishes, less what the polled handles want. */
    private final class DelegateContext implements IoHandlerContext {
        private @Nullable IoHandlerContext context;
        private boolean mayWait;

        DelegateContext of(IoHandlerContext loop, boolean wait) {
            context = loop;
            mayWait = wait;
            return this;
        }

        private IoHandlerContext context() {
            IoHandlerContext now = context;
            if (now == null) {
                throw new AssertionError("used outside of a run");
            }
            return now;
        }

        @Override
        public boolean canBlock() {
            return mayWait && context().canBlock() && idleNanos() > 0;
        }

        @Override
        public long delayNanos(long currentTimeNanos) {
            long delay = context().delayNanos(currentTimeNanos);
            long idle = idleNanos();
            return idle == PollHandle.UNTIL_WOKEN || delay >= 0 && delay < idle ? delay : idle;
        }

        @Override
        public long deadlineNanos() {
            long deadline = context().deadlineNanos();
            long delay = context().delayNanos(System.nanoTime());
            long idle = idleNanos();
            // the loop's time has a zero of its own: deadline - delay is now
            return idle == PollHandle.UNTIL_WOKEN || delay >= 0 && delay < idle ? deadline : deadline - delay + idle;
        }

        @Override
        public void reportActiveIoTime(long activeNanos) {
            context().reportActiveIoTime(activeNanos);
        }

        @Override
        public boolean shouldReportActiveIoTime() {
            return context().shouldReportActiveIoTime();
        }
    }
}

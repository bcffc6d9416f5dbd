package dev.sluice.packet.netty;

import dev.sluice.helper.CaptureClock;
import dev.sluice.helper.RunContext;
import dev.sluice.helper.TimerHelpers;
import dev.sluice.map.MapTimers;
import io.netty.channel.IoEvent;
import io.netty.channel.IoEventLoop;
import io.netty.channel.IoRegistration;
import org.jspecify.annotations.Nullable;

/**
 * What a loop does for the programs of a queue beside packets: it says that they hold nothing at the end of each round and
 * before it waits, so that memory can be given back, and calls timers when they are due by the machine's clock; those of
 * capture time are called between packets. Used by the loop's thread alone.
 */
final class ContextHandle implements RoundHandle {
    private final RunContext context;
    private final int cpu;
    private final MapTimers timers;
    private final boolean callsTimers;
    private @Nullable IoRegistration registration;

    private ContextHandle(RunContext context, int cpu) {
        this.context = context;
        this.cpu = cpu;
        timers = context.maps.timers();
        callsTimers = !(context.clock instanceof CaptureClock);
    }

    /**
     * Joins a loop until {@link #leave}; on the loop's thread.
     *
     * @param cpu the loop's number
     */
    static ContextHandle join(IoEventLoop loop, RunContext context, int cpu) {
        ContextHandle handle = new ContextHandle(context, cpu);
        loop.register(handle).addListener(done -> {
            if (!done.isSuccess()) {
                throw new AssertionError("a packet loop refused a handle", done.cause());
            }
            handle.registration = (IoRegistration) done.getNow();
        });
        return handle;
    }

    void leave() {
        IoRegistration made = registration;
        if (made != null) {
            registration = null;
            made.cancel();
        }
    }

    @Override
    public void registered() {
        context.reader.announces(true);
    }

    @Override
    public void unregistered() {
        context.reader.announces(false);
    }

    @Override
    public void roundEnded() {
        context.reader.quiescent();
    }

    @Override
    public void beforeWaiting() {
        context.reader.offline();
    }

    @Override
    public int poll(int budget) {
        return callsTimers && timers.earliest(cpu) != MapTimers.NONE ? TimerHelpers.fire(context, cpu) : 0;
    }

    @Override
    public long idleNanos() {
        long earliest = callsTimers ? timers.earliest(cpu) : MapTimers.NONE;
        return earliest == MapTimers.NONE ? UNTIL_WOKEN : Math.max(0, earliest - context.clock.nanos());
    }

    @Override
    public void handle(IoRegistration registered, IoEvent event) {
        throw new AssertionError("a queue's context gets no events");
    }

    @Override
    public void close() {
        leave();
    }
}

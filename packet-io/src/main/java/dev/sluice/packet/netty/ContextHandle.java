package dev.sluice.packet.netty;

import dev.sluice.helper.RunContext;
import io.netty.channel.IoEvent;
import io.netty.channel.IoEventLoop;
import io.netty.channel.IoRegistration;
import org.jspecify.annotations.Nullable;

/**
 * What a loop does for the programs of a queue beside packets: it says that they hold nothing at the end of each round and
 * before it waits, so that memory can be given back. Used by the loop's thread alone.
 */
final class ContextHandle implements RoundHandle {
    private final RunContext context;
    private @Nullable IoRegistration registration;

    private ContextHandle(RunContext context) {
        this.context = context;
    }

    /** Joins a loop until {@link #leave}; on the loop's thread. */
    static ContextHandle join(IoEventLoop loop, RunContext context) {
        ContextHandle handle = new ContextHandle(context);
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
        return 0;
    }

    @Override
    public long idleNanos() {
        return UNTIL_WOKEN;
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

package dev.sluice.packet.nic;

import dev.sluice.exec.Executable;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Where a program is attached. Queues look once a batch, so that a program can be exchanged while packets flow; a batch is
 * judged by one program as a whole. Any thread.
 */
public final class XdpHook {
    private volatile @Nullable XdpAttachment attachment;

    /** Puts a program here, in place of the one before it. */
    public void attach(Executable program, @Nullable VerdictCounters counters) {
        attachment = new XdpAttachment(Objects.requireNonNull(program), counters);
    }

    /** Takes the program away: packets pass. */
    public void detach() {
        attachment = null;
    }

    /** What is here, or null. */
    public @Nullable XdpAttachment attachment() {
        return attachment;
    }
}

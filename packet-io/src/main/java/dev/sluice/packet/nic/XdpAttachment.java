package dev.sluice.packet.nic;

import dev.sluice.exec.Executable;
import org.jspecify.annotations.Nullable;

/**
 * A program on a hook.
 *
 * @param counters its counters, or null when nobody wants them
 */
public record XdpAttachment(Executable program, @Nullable VerdictCounters counters) {}

package dev.sluice.packet.netty;

import io.netty.channel.ChannelId;
import java.util.concurrent.atomic.AtomicLong;

/** Numbers the channels of this process. Netty's own ids ask for the machine's addresses first, which takes its time. */
final class QueueChannelId implements ChannelId {
    private static final long serialVersionUID = 1L;
    private static final AtomicLong LAST = new AtomicLong();

    private final long number = LAST.incrementAndGet();

    @Override
    public String asShortText() {
        return "queue-" + number;
    }

    @Override
    public String asLongText() {
        return asShortText();
    }

    @Override
    public int compareTo(ChannelId other) {
        return other instanceof QueueChannelId queue
                ? Long.compare(number, queue.number)
                : asLongText().compareTo(other.asLongText());
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof QueueChannelId queue && queue.number == number;
    }

    @Override
    public int hashCode() {
        return Long.hashCode(number);
    }

    @Override
    public String toString() {
        return asShortText();
    }
}

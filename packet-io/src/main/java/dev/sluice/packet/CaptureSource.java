package dev.sluice.packet;

import dev.sluice.packet.pcap.CaptureBatch;
import dev.sluice.packet.pcap.CaptureException;
import dev.sluice.packet.pcap.CaptureReader;
import dev.sluice.packet.pcap.Damage;
import java.util.ArrayList;
import java.util.List;

/** The packets of captures, one capture after the other, once or more often. */
final class CaptureSource implements PacketSource {
    private final End.Captures options;
    private final List<CaptureReader> readers = new ArrayList<>();
    private final List<Damage> damages = new ArrayList<>();
    private final long totalSize;
    private int at;
    private long round;
    private boolean anythingInRound;
    private boolean untouched = true;
    private boolean anew;
    private boolean ended;
    private long consumedBefore;
    private long cutPackets;

    /** @throws CaptureException when a capture cannot be opened, is not of Ethernet, or cannot be repeated */
    CaptureSource(End.Captures options) throws CaptureException {
        this.options = options;
        boolean opened = false;
        try {
            long sum = 0;
            for (String capture : options.files()) {
                CaptureReader reader = CaptureReader.open(capture);
                readers.add(reader);
                reader.requireEthernet();
                if (options.repeat() != 1 && !reader.isMapped()) {
                    throw new CaptureException(reader.name()
                            + ": cannot be repeated, expected a plain capture file (not compressed, no pipe)");
                }
                sum = sum < 0 || reader.size() < 0 ? -1 : sum + reader.size();
            }
            totalSize = sum < 0 || options.repeat() == 0 ? -1 : sum * options.repeat();
            opened = true;
        } finally {
            if (!opened) {
                close();
            }
        }
        ended = readers.isEmpty();
    }

    @Override
    public int read(CaptureBatch into, int max) {
        anew = untouched;
        untouched = false;
        while (!ended) {
            CaptureReader reader = readers.get(at);
            int size = reader.read(into, max);
            if (size > 0) {
                anythingInRound = true;
                return size;
            }
            finish(reader);
            anew = true;
            at++;
            if (at == readers.size()) {
                round++;
                if (round == options.repeat() || !anythingInRound) { // nothing in it: for ever would be for ever
                    ended = true;
                    break;
                }
                at = 0;
                readers.forEach(CaptureReader::rewind);
            }
        }
        return 0;
    }

    private void finish(CaptureReader reader) {
        consumedBefore += reader.consumed();
        cutPackets += reader.cutPackets();
        Damage damage = reader.damage();
        if (damage != null && round == 0) {
            damages.add(damage);
        }
    }

    @Override
    public boolean beginsAnew() {
        return anew;
    }

    @Override
    public long consumed() {
        return ended ? consumedBefore : consumedBefore + readers.get(at).consumed();
    }

    @Override
    public long size() {
        return totalSize;
    }

    @Override
    public long cutPackets() {
        return ended ? cutPackets : cutPackets + readers.get(at).cutPackets();
    }

    @Override
    public List<Damage> damages() {
        return damages;
    }

    @Override
    public boolean isFinite() {
        return options.repeat() != 0;
    }

    @Override
    public void close() {
        readers.forEach(CaptureReader::close);
    }
}

package dev.sluice.cli;

import dev.sluice.packet.measure.Contender;
import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * Processes with one queue each, which run at the same time and share nothing but the machine: what two queues of one process can
 * at best come to. Each is a JVM as this one; a line to its standard input begins a round, and a line from it is what came out:
 * nanoseconds of CPU a packet, and packets a second.
 */
final class QueueProcesses implements Contender, AutoCloseable {
    /** One round of a process with one queue. */
    @FunctionalInterface
    interface Round {
        Outcome run();
    }

    /**
     * What a round came to.
     *
     * @param nanos of CPU a packet
     * @param rate packets a second
     */
    record Outcome(double nanos, double rate) {}

    /** Something that was started, and the two ends of its talk. */
    private record Peer(Process process, BufferedWriter to, BufferedReader from) {}

    private final List<Peer> peers = new ArrayList<>();
    private final List<Double> rates = new ArrayList<>();

    QueueProcesses(int count, EngineChoice engine, long seed) throws IOException {
        boolean complete = false;
        try {
            for (int i = 0; i < count; i++) {
                Process process = new ProcessBuilder(command(engine, seed))
                        .redirectError(ProcessBuilder.Redirect.INHERIT)
                        .start();
                peers.add(new Peer(process, process.outputWriter(), process.inputReader()));
            }
            complete = true;
        } finally {
            if (!complete) {
                close();
            }
        }
    }

    /** This JVM's options and classes, and another main. */
    private static List<String> command(EngineChoice engine, long seed) {
        List<String> command = new ArrayList<>();
        command.add(ProcessHandle.current().info().command().orElse("java"));
        command.addAll(ManagementFactory.getRuntimeMXBean().getInputArguments());
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), QueueProcesses.class.getName()));
        command.addAll(List.of(engine.name(), Long.toString(seed)));
        return command;
    }

    /** A process of these. */
    public static void main(String[] args) throws IOException {
        try (BufferedReader in = new BufferedReader(new java.io.InputStreamReader(System.in, StandardCharsets.UTF_8))) {
            PrintStream out = System.out;
            DatapathBench.serve(EngineChoice.valueOf(args[0]), Long.parseLong(args[1]), round -> {
                try {
                    while (in.readLine() != null) {
                        Outcome outcome = round.run();
                        out.println(outcome.nanos + " " + outcome.rate);
                        out.flush();
                    }
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            });
        }
    }

    /** Nanoseconds of CPU a packet, over all processes. */
    @Override
    public double round() {
        try {
            for (Peer peer : peers) {
                peer.to.write("\n");
                peer.to.flush();
            }
            double perNano = 0;
            double rate = 0;
            for (Peer peer : peers) {
                String line = peer.from.readLine();
                if (line == null) {
                    throw new IOException("a process with a queue of its own has ended");
                }
                String[] numbers = line.split(" ", -1);
                perNano += 1 / Double.parseDouble(numbers[0]);
                rate += Double.parseDouble(numbers[1]);
            }
            rates.add(rate);
            return peers.size() / perNano;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Packets a second in all, by round. */
    List<Double> rates() {
        return rates;
    }

    @Override
    public void close() {
        for (Peer peer : peers) {
            try {
                peer.to.close(); // the end of its input is its end
                peer.process.waitFor();
            } catch (IOException e) {
                peer.process.destroy();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                peer.process.destroy();
            }
        }
    }
}

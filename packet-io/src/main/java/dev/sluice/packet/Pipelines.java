package dev.sluice.packet;

import dev.sluice.exec.ProgramFault;
import dev.sluice.helper.Clock;
import dev.sluice.helper.RunContext;
import dev.sluice.packet.frame.FrameBatch;
import dev.sluice.packet.netty.CaptureHandler;
import dev.sluice.packet.netty.CpuQueues;
import dev.sluice.packet.netty.FaultListener;
import dev.sluice.packet.netty.ForwardHandler;
import dev.sluice.packet.netty.HostHandler;
import dev.sluice.packet.netty.QueueChannel;
import dev.sluice.packet.netty.Redirects;
import dev.sluice.packet.netty.VerdictHandler;
import dev.sluice.packet.netty.VlanHandler;
import dev.sluice.packet.netty.XdpExceptions;
import dev.sluice.packet.netty.XdpHandler;
import dev.sluice.packet.nic.NicHints;
import dev.sluice.packet.nic.NicTable;
import dev.sluice.packet.nic.VirtualNic;
import dev.sluice.packet.nic.XskSocket;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelPipeline;
import io.netty.channel.IoEventLoop;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Supplier;

/**
 * The handlers of all queues, and what their programs run with. The thread that opens and closes the datapath.
 *
 * <pre>
 *   wire:  [vlan] xdp [capture] verdict [exceptions] [tags] … host          host:  wire
 * </pre>
 */
final class Pipelines {
    private final Datapath.Builder options;
    private final Devices devices;
    private final NicTable nics;
    private final CpuQueues cpuQueues;
    private final Clock clock;
    private final Consumer<Throwable> onFailure;
    private final List<Redirects> redirects = new ArrayList<>();
    private final List<RunContext> contexts = new ArrayList<>();

    /** @param onFailure hears of handlers that throw */
    Pipelines(
            Datapath.Builder options,
            Devices devices,
            NicTable nics,
            CpuQueues cpuQueues,
            Clock clock,
            Consumer<Throwable> onFailure) {
        this.options = options;
        this.devices = devices;
        this.nics = nics;
        this.cpuQueues = cpuQueues;
        this.clock = clock;
        this.onFailure = onFailure;
    }

    /** Fills the pipelines of all channels. */
    void make() {
        for (Device device : devices.all()) {
            if (!device.isHost) {
                bindSockets(device);
            }
            Device wire = device.isHost ? devices.wire(device.options) : device;
            Device host = device.isHost ? device : devices.host(device.options);
            for (QueueChannel channel : device.channels) {
                ChannelPipeline pipeline = channel.pipeline();
                int queue = channel.queue();
                if (device.isHost) {
                    pipeline.addLast("wire", new ForwardHandler(wire.nic, queue, onFailure));
                    continue;
                }
                RunContext context = options.neededContexts().create(queue, clock);
                context.hints = new NicHints(device.nic);
                contexts.add(context);
                if (device.nic.rxVlanOffload()) {
                    pipeline.addLast("vlan", VlanHandler.STRIP);
                }
                XdpHandler program = new XdpHandler(device.nic.hook(), context, listener(device));
                device.programs.add(program);
                pipeline.addLast("xdp", program);
                if (!device.options.sinks.isEmpty()) {
                    pipeline.addLast("capture", new CaptureHandler(device.options.sinks));
                }
                pipeline.addLast(
                        "verdict",
                        options.redirectsEnd
                                ? new VerdictHandler(device.nic.statistics(queue))
                                : new VerdictHandler(device.nic.statistics(queue), redirects(context, queue, device)));
                if (!options.exceptions.equals(ExceptionListener.NONE)) {
                    pipeline.addLast("exceptions", new Exceptions(device.nic, options.exceptions));
                }
                if (device.nic.rxVlanOffload()) {
                    pipeline.addLast("tags", VlanHandler.RESTORE);
                }
                for (Supplier<? extends ChannelHandler> handler : device.options.handlers) {
                    pipeline.addLast(handler.get());
                }
                pipeline.addLast(
                        "host",
                        host == null ? new HostHandler(onFailure) : new ForwardHandler(host.nic, queue, onFailure));
            }
        }
    }

    /** Tells the listener of each packet of an event. */
    private static final class Exceptions extends ChannelInboundHandlerAdapter {
        private final VirtualNic nic;
        private final ExceptionListener listener;

        Exceptions(VirtualNic nic, ExceptionListener listener) {
            this.nic = nic;
            this.listener = listener;
        }

        @Override
        public void userEventTriggered(ChannelHandlerContext ctx, Object event) {
            if (event instanceof XdpExceptions exceptions) {
                FrameBatch batch = exceptions.batch();
                for (long rest = exceptions.mask(); rest != 0; rest &= rest - 1) {
                    listener.exception(nic, batch, Long.numberOfTrailingZeros(rest));
                }
            }
            ctx.fireUserEventTriggered(event);
        }
    }

    /** Puts a socket of each queue into the NIC's xskmaps. */
    private static void bindSockets(Device device) {
        device.options.sockets.forEach((map, sink) -> {
            for (int queue = 0; queue < device.nic.queues(); queue++) {
                map.bind(queue, new XskSocket(device.nic, queue, sink), queue);
            }
        });
    }

    private Redirects redirects(RunContext context, int cpu, Device device) {
        Redirects made = new Redirects(nics, options.programs, cpuQueues, context, cpu, listener(device));
        redirects.add(made);
        return made;
    }

    private static FaultListener listener(Device device) {
        return new FaultListener() {
            @Override
            public void fault(FrameBatch batch, int index, ProgramFault fault) {
                device.fault(new PacketFault(batch.number(index), fault, batch.bytes(index)));
            }

            @Override
            public void timerFault(ProgramFault fault) {
                device.fault(PacketFault.ofTimer(fault));
            }
        };
    }

    /** Makes CPUs reachable for cpumaps. */
    void makeCpuQueues(IoEventLoop[] loops) {
        for (int cpu = 0; cpu < loops.length; cpu++) {
            RunContext context = options.neededContexts().create(cpu, clock);
            contexts.add(context);
            Redirects made = new Redirects(nics, options.programs, cpuQueues, context, cpu, FaultListener.NONE);
            redirects.add(made);
            cpuQueues.add(cpu, loops[cpu], context, made, nics, options.programs, FaultListener.NONE);
        }
    }

    /** Copies for broadcasts that were not given back yet. */
    int copiesInUse() {
        return redirects.stream().mapToInt(Redirects::copiesInUse).sum();
    }

    /** When no loop uses them any more. */
    void close() {
        redirects.forEach(Redirects::close);
        contexts.forEach(RunContext::close);
    }
}

/**
 * Interfaces of the kernel, through libpcap and pcap4j: packets that come in are read, what is sent is injected.
 *
 * <p>Unlike an XDP program in the kernel we get copies: the kernel's own network stack sees every packet as well, whatever the
 * program says. So {@code XDP_DROP} protects nobody here. Put an interface into a bridge or a namespace without addresses to have
 * it to yourself.
 *
 * <p>libpcap is asked without blocking, as a blocking read of an idle interface never returns; while there is nothing the loop
 * sleeps for some hundred microseconds. Some allocation a packet is pcap4j's.
 */
@NullMarked
package dev.sluice.packet.live;

import org.jspecify.annotations.NullMarked;

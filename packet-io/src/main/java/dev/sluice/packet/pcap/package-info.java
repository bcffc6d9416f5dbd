/**
 * Capture files in and out.
 *
 * <p>{@link dev.sluice.packet.pcap.CaptureReader} reads classic pcap and pcapng, plain or inside gzip or zstd, from files,
 * named pipes and standard input; {@link dev.sluice.packet.pcap.CaptureWriter} writes them. What a file is, is decided by
 * its first bytes and never by its name.
 *
 * <h2>Classic pcap</h2>
 *
 * A 24-byte header, then packets with a 16-byte header each, without padding. All numbers have the byte order of the
 * machine that wrote the file, which the magic number shows. Source: pcap-savefile(5), draft-ietf-opsawg-pcap.
 *
 * <pre>
 *   file    0 magic      a1b2c3d4 microseconds, a1b23c4d nanoseconds, a1b2cd34 "modified"
 *           4 major = 2  6 minor = 4
 *           8 zone, 12 accuracy: unused
 *          16 snaplen
 *          20 link type in the low 26 bits; bit 26: bits 28..31 hold the length of the frame check sequence, in 16-bit units
 *
 *   packet  0 seconds since 1970 (unsigned)
 *           4 microseconds or nanoseconds
 *           8 captured length n      (files before version 2.3 have the two lengths in the other order)
 *          12 original length
 *         [16 "modified" only: interface index u32, protocol u16, packet type u8, padding u8]
 *             n bytes
 * </pre>
 *
 * <h2>pcapng</h2>
 *
 * A sequence of blocks, each with its total length at both ends and padded to 4 bytes. A section header starts a section,
 * which has its own byte order and its own interfaces, numbered from 0 in order of appearance. Source:
 * draft-ietf-opsawg-pcapng.
 *
 * <pre>
 *   block   0 type   4 total length t   8 body ...   t-4 total length t
 *
 *   type 0a0d0d0a section header     8 1a2b3c4d  12 major = 1  14 minor  16 section length (unused)  24 options
 *        00000001 interface          8 link type u16  10 reserved  12 snaplen  16 options
 *        00000006 enhanced packet    8 interface  12 time high  16 time low  20 captured n  24 original  28 n bytes, options
 *        00000003 simple packet      8 original  12 bytes: min(original, snaplen of interface 0); no time
 *        00000002 packet (obsolete)  8 interface u16  10 drops u16  12 time high  16 time low  20 captured  24 original  28 ...
 *        anything else               skipped
 *
 *   option  0 code u16   2 length n u16   4 n bytes, padded to 4;   code 0 ends the list
 *        interface: 2 if_name, 3 if_description, 9 if_tsresol (10^-v, or 2^-(v and 127) when bit 7 is set; default 6),
 *                   13 if_fcslen, 14 if_tsoffset (seconds, signed, added to each time)
 *        packet:    2 epb_flags (bits 0, 1: direction), 5 epb_packetid u64, 6 epb_queue u32,
 *                   7 epb_verdict (type u8 = 2 for Linux eBPF XDP, then the action as u64)
 * </pre>
 *
 * <h2>Times</h2>
 *
 * A time is a {@code long} of nanoseconds since 1970-01-01 UTC. What a file says is converted exactly where nanoseconds can
 * say it; finer units are rounded down; what does not fit (years before 1677 or after 2262) becomes the nearest time that
 * does. A packet without a time has {@link dev.sluice.packet.pcap.CaptureReader#NO_TIMESTAMP}.
 *
 * <h2>Damage</h2>
 *
 * A file that ends in the middle, or holds a length that cannot be, gives every packet before that place, and then a
 * {@link dev.sluice.packet.pcap.Damage} that says which packet, at which byte, what was expected and what was found. No
 * content of a file makes the reader throw, hang, read outside of the file, or use memory in proportion to it.
 *
 * <h2>Memory</h2>
 *
 * A plain file is mapped as a whole, whatever its size; packets are addresses within the mapping, and reading allocates
 * nothing. Everything else passes through one off-heap buffer, which grows to the largest block met (16 MiB at most). Each
 * access is checked against the end of the mapping or buffer first, because addresses are real ones.
 */
@NullMarked
package dev.sluice.packet.pcap;

import org.jspecify.annotations.NullMarked;

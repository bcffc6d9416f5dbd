/*
 * The headers of the packets that these programs look at, as structs whose
 * fields are in the byte order of the wire. No vmlinux.h: an object needs no
 * kernel headers but linux/bpf.h, and its BTF has only what the program uses.
 */
#pragma once

#include <linux/bpf.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define ETH_P_IP 0x0800
#define ETH_P_ARP 0x0806
#define ETH_P_8021Q 0x8100
#define ETH_P_IPV6 0x86dd
#define ETH_P_8021AD 0x88a8

#define IPPROTO_HOPOPTS 0
#define IPPROTO_ICMP 1
#define IPPROTO_IPIP 4
#define IPPROTO_TCP 6
#define IPPROTO_UDP 17
#define IPPROTO_ROUTING 43
#define IPPROTO_FRAGMENT 44
#define IPPROTO_AH 51
#define IPPROTO_ICMPV6 58
#define IPPROTO_NONE 59
#define IPPROTO_DSTOPTS 60

#define IP_MORE_FRAGMENTS 0x2000
#define IP_OFFSET_MASK 0x1fff

#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_ACK 0x10

struct eth_hdr {
	__u8 dst[6];
	__u8 src[6];
	__be16 proto;
};

struct vlan_hdr {
	__be16 tci;
	__be16 proto;
};

struct arp_hdr {
	__be16 hw_type;
	__be16 proto_type;
	__u8 hw_len;
	__u8 proto_len;
	__be16 op;
	__u8 sender_mac[6];
	__u8 sender_ip[4];
	__u8 target_mac[6];
	__u8 target_ip[4];
};

struct ipv4_hdr {
	__u8 version_ihl;
	__u8 tos;
	__be16 total_len;
	__be16 id;
	__be16 frag_off;
	__u8 ttl;
	__u8 proto;
	__u16 check;
	__be32 src;
	__be32 dst;
};

struct ipv6_hdr {
	__be32 version_class_flow;
	__be16 payload_len;
	__u8 next_hdr;
	__u8 hop_limit;
	__be32 src[4];
	__be32 dst[4];
};

struct ipv6_ext_hdr {
	__u8 next_hdr;
	__u8 len;
	__be16 rest;
};

struct ipv6_frag_hdr {
	__u8 next_hdr;
	__u8 reserved;
	__be16 frag_off; /* offset in units of 8 bytes << 3, more-fragments in bit 0 */
	__be32 id;
};

struct icmp_hdr {
	__u8 type;
	__u8 code;
	__u16 check;
	__be16 id;
	__be16 seq;
};

struct udp_hdr {
	__be16 src;
	__be16 dst;
	__be16 len;
	__u16 check;
};

struct tcp_hdr {
	__be16 src;
	__be16 dst;
	__be32 seq;
	__be32 ack;
	__u8 data_off; /* in units of 4 bytes, in the upper half */
	__u8 flags;
	__be16 window;
	__u16 check;
	__be16 urgent;
};

/* The header at p, or a return from the function with the value other, when it ends after the packet. */
#define HEADER_OR_RETURN(type, name, p, end, other) \
	type *name = (type *)(p);                   \
	if ((void *)(name + 1) > (end))             \
		return (other);

/* A 32-bit one's complement sum, folded to 16 bits and inverted: an Internet checksum. */
static __always_inline __u16 csum_fold(__u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (__u16)~sum;
}

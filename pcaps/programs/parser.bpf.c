/*
 * A parser for what comes in real traffic: up to two VLAN tags (802.1Q,
 * 802.1ad), IPv4 with options and fragments, IPv6 with up to six extension
 * headers and fragments, TCP, UDP, ICMP, ICMPv6, ARP. Each packet is counted
 * in one class, and a packet whose headers contradict each other or its length
 * is dropped.
 */
#include "packet.h"

#define MAX_VLAN_TAGS 2
#define MAX_EXT_HEADERS 6

enum packet_class {
	CLASS_OTHER, /* an EtherType that we do not parse */
	CLASS_ARP,
	CLASS_IPV4_TCP,
	CLASS_IPV4_UDP,
	CLASS_IPV4_ICMP,
	CLASS_IPV4_OTHER,
	CLASS_IPV4_FRAGMENT, /* not the first fragment: no layer 4 header */
	CLASS_IPV6_TCP,
	CLASS_IPV6_UDP,
	CLASS_IPV6_ICMP,
	CLASS_IPV6_OTHER,
	CLASS_IPV6_FRAGMENT,
	CLASS_MALFORMED,
	CLASS_COUNT,
};

struct class_stats {
	__u64 packets;
	__u64 bytes;
	__u64 tagged; /* of them, with at least one VLAN tag */
	__u64 first_fragments; /* of them, first fragments */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, CLASS_COUNT);
	__type(key, enum packet_class);
	__type(value, struct class_stats);
} classes SEC(".maps");

struct parsed {
	__u32 tags;
	__u32 first_fragment;
};

static __always_inline enum packet_class parse_l4(void *l4, void *end, __u8 proto, enum packet_class tcp_class,
						   __u8 icmp_proto)
{
	/* the classes of a family stand in one order: TCP, UDP, ICMP, other */
	if (proto == IPPROTO_TCP) {
		HEADER_OR_RETURN(struct tcp_hdr, tcp, l4, end, CLASS_MALFORMED);
		__u32 len = (tcp->data_off >> 4) * 4;
		if (len < sizeof(*tcp) || l4 + len > end)
			return CLASS_MALFORMED;
		/* SYN with FIN or RST is no TCP of this world */
		if ((tcp->flags & TCP_SYN) && (tcp->flags & (TCP_FIN | TCP_RST)))
			return CLASS_MALFORMED;
		return tcp_class;
	}
	if (proto == IPPROTO_UDP) {
		HEADER_OR_RETURN(struct udp_hdr, udp, l4, end, CLASS_MALFORMED);
		if (bpf_ntohs(udp->len) < sizeof(*udp))
			return CLASS_MALFORMED;
		return tcp_class + 1;
	}
	if (proto == icmp_proto) {
		HEADER_OR_RETURN(struct icmp_hdr, icmp, l4, end, CLASS_MALFORMED);
		return tcp_class + 2;
	}
	return tcp_class + 3;
}

static __always_inline enum packet_class parse_ipv4(void *p, void *end, struct parsed *out)
{
	HEADER_OR_RETURN(struct ipv4_hdr, ip, p, end, CLASS_MALFORMED);
	__u32 header_len = (ip->version_ihl & 0xf) * 4;
	__u16 frag_off = bpf_ntohs(ip->frag_off);

	if (ip->version_ihl >> 4 != 4 || header_len < sizeof(*ip) || p + header_len > end)
		return CLASS_MALFORMED;
	if (bpf_ntohs(ip->total_len) < header_len || p + bpf_ntohs(ip->total_len) > end)
		return CLASS_MALFORMED;
	if (frag_off & IP_OFFSET_MASK)
		return CLASS_IPV4_FRAGMENT;
	out->first_fragment = !!(frag_off & IP_MORE_FRAGMENTS);
	return parse_l4(p + header_len, end, ip->proto, CLASS_IPV4_TCP, IPPROTO_ICMP);
}

static __always_inline enum packet_class parse_ipv6(void *p, void *end, struct parsed *out)
{
	HEADER_OR_RETURN(struct ipv6_hdr, ip6, p, end, CLASS_MALFORMED);
	__u8 next = ip6->next_hdr;

	if (*(__u8 *)p >> 4 != 6 || p + sizeof(*ip6) + bpf_ntohs(ip6->payload_len) > end)
		return CLASS_MALFORMED;
	p += sizeof(*ip6);
#pragma unroll
	for (int i = 0; i < MAX_EXT_HEADERS; i++) {
		__u32 len;

		if (next == IPPROTO_FRAGMENT) {
			HEADER_OR_RETURN(struct ipv6_frag_hdr, frag, p, end, CLASS_MALFORMED);
			if (frag->frag_off & bpf_htons(0xfff8))
				return CLASS_IPV6_FRAGMENT;
			out->first_fragment = frag->frag_off & bpf_htons(1) ? 1 : 0;
			next = frag->next_hdr;
			p += sizeof(*frag);
			continue;
		}
		if (next != IPPROTO_HOPOPTS && next != IPPROTO_ROUTING && next != IPPROTO_DSTOPTS && next != IPPROTO_AH)
			break;
		HEADER_OR_RETURN(struct ipv6_ext_hdr, ext, p, end, CLASS_MALFORMED);
		len = next == IPPROTO_AH ? (ext->len + 2) * 4 : (ext->len + 1) * 8;
		next = ext->next_hdr;
		p += len;
		if (p > end)
			return CLASS_MALFORMED;
	}
	if (next == IPPROTO_NONE)
		return CLASS_IPV6_OTHER;
	return parse_l4(p, end, next, CLASS_IPV6_TCP, IPPROTO_ICMPV6);
}

static __always_inline enum packet_class parse(void *data, void *end, struct parsed *out)
{
	HEADER_OR_RETURN(struct eth_hdr, eth, data, end, CLASS_MALFORMED);
	__be16 proto = eth->proto;
	void *p = eth + 1;

#pragma unroll
	for (int i = 0; i < MAX_VLAN_TAGS; i++) {
		if (proto != bpf_htons(ETH_P_8021Q) && proto != bpf_htons(ETH_P_8021AD))
			break;
		HEADER_OR_RETURN(struct vlan_hdr, vlan, p, end, CLASS_MALFORMED);
		proto = vlan->proto;
		p = vlan + 1;
		out->tags++;
	}

	if (proto == bpf_htons(ETH_P_IP))
		return parse_ipv4(p, end, out);
	if (proto == bpf_htons(ETH_P_IPV6))
		return parse_ipv6(p, end, out);
	if (proto == bpf_htons(ETH_P_ARP)) {
		HEADER_OR_RETURN(struct arp_hdr, arp, p, end, CLASS_MALFORMED);
		return CLASS_ARP;
	}
	return CLASS_OTHER;
}

SEC("xdp")
int parser(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;
	struct parsed out = {};
	enum packet_class class = parse(data, end, &out);
	struct class_stats *stats = bpf_map_lookup_elem(&classes, &class);

	if (!stats)
		return XDP_ABORTED;
	stats->packets++;
	stats->bytes += end - data;
	stats->tagged += out.tags > 0;
	stats->first_fragments += out.first_fragment;
	return class == CLASS_MALFORMED ? XDP_DROP : XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";

/*
 * The first line against floods: sanity of headers, a bloom filter in front of
 * prefix lists for IPv4 and IPv6, known reflection ports, floods of SYN and
 * ICMP by source, and a global budget a window of packets. Rules can be switched
 * one by one; every reason for a drop has its counter.
 */
#include "app.h"

struct prefix4 {
	__u32 bits;
	__be32 addr;
};

struct prefix6 {
	__u32 bits;
	__be32 addr[4];
};

struct block {
	__u64 hits;
	__u32 reason;
	__u32 pad;
};

struct meter {
	__u64 window;
	__u32 packets;
	__u32 syns;
	__u32 icmp;
	__u32 udp;
};

struct {
	__uint(type, BPF_MAP_TYPE_BLOOM_FILTER);
	__type(value, __be32);
	__uint(max_entries, 512);
	__uint(map_extra, 3);
} maybe_blocked SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__type(key, struct prefix4);
	__type(value, struct block);
	__uint(max_entries, 10000);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} blocked4 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__type(key, struct prefix6);
	__type(value, struct block);
	__uint(max_entries, 10000);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} blocked6 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__type(key, __be32);
	__type(value, struct meter);
	__uint(max_entries, 16384);
} meters SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__type(key, __u16);
	__type(value, __u64);
	__uint(max_entries, 512);
} reflectors SEC(".maps");

enum reason {
	R_PASSED, R_SHORT, R_BAD_IHL, R_BAD_LENGTH, R_BAD_TTL, R_LAND, R_BLOCKED4, R_BLOCKED6, R_TINY_FRAGMENT, R_BAD_FLAGS,
	R_REFLECTION, R_SYN_FLOOD, R_ICMP_FLOOD, R_UDP_FLOOD, R_BOGON, R_COUNT,
};
COUNTERS(reasons, enum reason, R_COUNT);

const volatile __u32 switched_off; /* a bit a reason */
const volatile __u32 window_packets = 256;
const volatile __u32 syn_limit = 4, icmp_limit = 3, udp_limit = 40;
const volatile __u8 use_bloom = 1;
__u64 packets;

static __always_inline int on(enum reason reason)
{
	return !(switched_off >> reason & 1);
}

static __always_inline struct meter *meter_of(__be32 source)
{
	struct meter *meter = bpf_map_lookup_elem(&meters, &source), fresh = {};
	__u64 window = packets / window_packets;

	if (!meter) {
		fresh.window = window;
		bpf_map_update_elem(&meters, &source, &fresh, BPF_ANY);
		meter = bpf_map_lookup_elem(&meters, &source);
		if (!meter)
			return 0;
	}
	if (meter->window != window) {
		*meter = fresh;
		meter->window = window;
	}
	meter->packets++;
	return meter;
}

static __always_inline int is_bogon(__be32 addr)
{
	__u32 a = bpf_ntohl(addr);

	return a >> 24 == 0 || a >> 24 == 127 || a >> 28 == 14 || a == 0xffffffff || a >> 16 == 0xa9fe;
}

static __always_inline int bad_flags(__u8 flags)
{
	__u8 f = flags & 0x3f;

	return f == 0 || (f & (TCP_SYN | TCP_FIN)) == (TCP_SYN | TCP_FIN) || (f & (TCP_SYN | TCP_RST)) == (TCP_SYN | TCP_RST) ||
	       f == 0x29 || f == TCP_FIN;
}

static __always_inline int judge_l4(void *l4, void *end, __u8 proto, struct meter *meter)
{
	if (proto == IPPROTO_TCP) {
		HEADER_OR_RETURN(struct tcp_hdr, tcp, l4, end, R_SHORT)

		if (on(R_BAD_FLAGS) && bad_flags(tcp->flags))
			return R_BAD_FLAGS;
		if (meter && tcp->flags & TCP_SYN && ++meter->syns > syn_limit && on(R_SYN_FLOOD))
			return R_SYN_FLOOD;
	} else if (proto == IPPROTO_UDP) {
		HEADER_OR_RETURN(struct udp_hdr, udp, l4, end, R_SHORT)
		__u16 port = bpf_ntohs(udp->src);
		__u64 *hits = bpf_map_lookup_elem(&reflectors, &port);

		if (hits && on(R_REFLECTION)) {
			++*hits;
			return R_REFLECTION;
		}
		if (meter && ++meter->udp > udp_limit && on(R_UDP_FLOOD))
			return R_UDP_FLOOD;
	} else if (proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6) {
		if (meter && ++meter->icmp > icmp_limit && on(R_ICMP_FLOOD))
			return R_ICMP_FLOOD;
	}
	return R_PASSED;
}

static __always_inline int judge4(struct ipv4_hdr *ip, void *end, __u32 room)
{
	struct prefix4 key = { .bits = 32 };
	__u32 ihl = (ip->version_ihl & 15) * 4;
	struct block *block;

	if (ip->version_ihl >> 4 != 4 || ihl < sizeof(*ip))
		return on(R_BAD_IHL) ? R_BAD_IHL : R_PASSED;
	if (on(R_BAD_LENGTH) && (bpf_ntohs(ip->total_len) < ihl || bpf_ntohs(ip->total_len) > room))
		return R_BAD_LENGTH;
	if (on(R_BAD_TTL) && ip->ttl == 0)
		return R_BAD_TTL;
	if (on(R_LAND) && ip->src == ip->dst)
		return R_LAND;
	if (on(R_BOGON) && is_bogon(ip->src) && ip->src)
		return R_BOGON;
	key.addr = ip->src;
	if (!use_bloom || bpf_map_peek_elem(&maybe_blocked, &key.addr) == 0) {
		block = bpf_map_lookup_elem(&blocked4, &key);
		if (block) {
			__sync_fetch_and_add(&block->hits, 1);
			if (on(R_BLOCKED4))
				return R_BLOCKED4;
		}
	}
	if (ip->frag_off & bpf_htons(IP_OFFSET_MASK)) {
		/* a first fragment that hides its ports, or an overlap with them */
		if (on(R_TINY_FRAGMENT) && (ip->frag_off & bpf_htons(IP_OFFSET_MASK)) == bpf_htons(1))
			return R_TINY_FRAGMENT;
		return R_PASSED;
	}
	return judge_l4((void *)ip + ihl, end, ip->proto, meter_of(ip->src));
}

static __always_inline int judge6(struct ipv6_hdr *ip6, void *end, __u32 room)
{
	struct prefix6 key = { .bits = 128 };
	void *next = ip6 + 1;
	__u8 proto = ip6->next_hdr;
	struct block *block;

	if (on(R_BAD_LENGTH) && bpf_ntohs(ip6->payload_len) + sizeof(*ip6) > room)
		return R_BAD_LENGTH;
	__builtin_memcpy(key.addr, ip6->src, 16);
	block = bpf_map_lookup_elem(&blocked6, &key);
	if (block) {
		__sync_fetch_and_add(&block->hits, 1);
		if (on(R_BLOCKED6))
			return R_BLOCKED6;
	}
	for (int i = 0; i < 3; i++) {
		if (proto != IPPROTO_HOPOPTS && proto != IPPROTO_DSTOPTS && proto != IPPROTO_ROUTING)
			break;
		HEADER_OR_RETURN(struct ipv6_ext_hdr, ext, next, end, R_SHORT)

		proto = ext->next_hdr;
		next += (ext->len + 1) * 8;
	}
	return judge_l4(next, end, proto, meter_of(key.addr[0] ^ key.addr[1] ^ key.addr[2] ^ key.addr[3]));
}

SEC("xdp")
int ddos_filter(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	int reason = R_PASSED, off;
	__be16 proto;
	__u16 vlan;

	packets++;
	off = skip_eth(data, end, &proto, &vlan);
	if (off < 0) {
		reason = R_SHORT;
	} else if (proto == bpf_htons(ETH_P_IP)) {
		struct ipv4_hdr *ip = data + off;

		reason = (void *)(ip + 1) > end ? R_SHORT : judge4(ip, end, end - data - off);
	} else if (proto == bpf_htons(ETH_P_IPV6)) {
		struct ipv6_hdr *ip6 = data + off;

		reason = (void *)(ip6 + 1) > end ? R_SHORT : judge6(ip6, end, end - data - off);
	}
	count_in(&reasons, reason, end - data);
	return reason == R_PASSED ? XDP_PASS : XDP_DROP;
}

char LICENSE[] SEC("license") = "GPL";

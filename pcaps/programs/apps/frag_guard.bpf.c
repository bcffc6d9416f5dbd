/*
 * Follows IPv4 fragments without reassembly: a datagram's later fragments get the
 * verdict of its first one; overlaps, tiny first fragments, too many datagrams
 * of a source and fragments after the last are dropped (RFC 1858, RFC 3128).
 */
#include "app.h"

#define MAX_RANGES 8

struct datagram {
	__be32 src;
	__be32 dst;
	__be16 id;
	__u8 proto;
	__u8 pad;
};

struct range {
	__u16 from;
	__u16 to;
};

struct progress {
	__u32 total; /* 0: the last has not come */
	__u32 received;
	__u32 count;
	__u32 verdict;
	struct range ranges[MAX_RANGES];
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_PERCPU_HASH);
	__type(key, struct datagram);
	__type(value, struct progress);
	__uint(max_entries, 512);
} datagrams SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, __be16);
	__type(value, __u32);
	__uint(max_entries, 64);
} closed_ports SEC(".maps");

enum event { EV_WHOLE, EV_FIRST, EV_MIDDLE, EV_COMPLETE, EV_OVERLAP, EV_TINY, EV_TOO_MANY, EV_LATE, EV_CLOSED, EV_BAD, EV_COUNT };
COUNTERS(events, enum event, EV_COUNT);

static __always_inline int done(enum event event, __u64 bytes, int action)
{
	count_in(&events, event, bytes);
	return action;
}

static __noinline int overlaps(struct progress *progress, __u32 from, __u32 to)
{
	if (!progress)
		return 1;
	for (int i = 0; i < MAX_RANGES; i++) {
		if (i >= progress->count)
			break;
		if (from < progress->ranges[i].to && to > progress->ranges[i].from)
			return 1;
	}
	return 0;
}

SEC("xdp")
int frag_guard(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	HEADER_OR_RETURN(struct eth_hdr, eth, data, end, XDP_PASS)
	HEADER_OR_RETURN(struct ipv4_hdr, ip, eth + 1, end, XDP_PASS)
	struct progress *progress, fresh = {};
	struct datagram key = {};
	__u32 from, to, length, at, verdict = XDP_PASS;
	__u64 bytes = end - data;

	if (eth->proto != bpf_htons(ETH_P_IP))
		return XDP_PASS;
	if (!(ip->frag_off & bpf_htons(IP_MORE_FRAGMENTS | IP_OFFSET_MASK)))
		return done(EV_WHOLE, bytes, XDP_PASS);
	length = bpf_ntohs(ip->total_len);
	if (ip->version_ihl != 0x45 || length <= sizeof(*ip))
		return done(EV_BAD, bytes, XDP_DROP);
	length -= sizeof(*ip);
	from = (bpf_ntohs(ip->frag_off) & IP_OFFSET_MASK) * 8;
	to = from + length;
	if (to > 65515 || (ip->frag_off & bpf_htons(IP_MORE_FRAGMENTS) && length & 7))
		return done(EV_BAD, bytes, XDP_DROP);
	key.src = ip->src;
	key.dst = ip->dst;
	key.id = ip->id;
	key.proto = ip->proto;
	if (from == 0) {
		if (length < 16)
			return done(EV_TINY, bytes, XDP_DROP);
		if (ip->proto == IPPROTO_UDP || ip->proto == IPPROTO_TCP) {
			HEADER_OR_RETURN(struct udp_hdr, l4, ip + 1, end, done(EV_TINY, bytes, XDP_DROP))
			__be16 port = l4->dst;
			__u32 *closed = bpf_map_lookup_elem(&closed_ports, &port);

			if (closed) {
				*closed += 1;
				verdict = XDP_DROP;
			}
		}
	}
	progress = bpf_map_lookup_elem(&datagrams, &key);
	if (!progress) {
		fresh.verdict = verdict;
		bpf_map_update_elem(&datagrams, &key, &fresh, BPF_ANY);
		progress = bpf_map_lookup_elem(&datagrams, &key);
		if (!progress)
			return done(EV_TOO_MANY, bytes, XDP_DROP);
	}
	if (from == 0 && verdict == XDP_DROP)
		progress->verdict = XDP_DROP;
	if (overlaps(progress, from, to)) {
		progress->verdict = XDP_DROP;
		return done(EV_OVERLAP, bytes, XDP_DROP);
	}
	if (progress->total && to > progress->total)
		return done(EV_LATE, bytes, XDP_DROP);
	at = progress->count;
	if (at >= MAX_RANGES)
		return done(EV_TOO_MANY, bytes, XDP_DROP);
	progress->ranges[at].from = from;
	progress->ranges[at].to = to;
	progress->count = at + 1;
	progress->received += length;
	if (!(ip->frag_off & bpf_htons(IP_MORE_FRAGMENTS)))
		progress->total = to;
	if (progress->verdict == XDP_DROP)
		return done(EV_CLOSED, bytes, XDP_DROP);
	if (progress->total && progress->received == progress->total)
		return done(EV_COMPLETE, bytes, XDP_PASS);
	return done(from ? EV_MIDDLE : EV_FIRST, bytes, XDP_PASS);
}

char LICENSE[] SEC("license") = "GPL";

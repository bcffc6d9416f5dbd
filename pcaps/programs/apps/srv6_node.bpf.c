/*
 * A node of a segment routing domain (RFC 8754, RFC 8986): End (next segment),
 * End.X (next segment over a given neighbour), End.DT4 and End.DT6 (take the
 * inner packet out), and H.Encaps (steer into a list of segments).
 */
#include "app.h"

#define MAX_SEGMENTS 4

struct sid {
	__be32 addr[4];
};

enum behaviour { END = 1, END_X, END_DT4, END_DT6 };

struct local_sid {
	__u32 behaviour;
	__u8 mac[6];
	__u16 pad;
	__u64 packets;
};

struct policy {
	__u32 count;
	__be32 source[4];
	struct sid segments[MAX_SEGMENTS];
};

struct prefix {
	__u32 bits;
	__be32 addr;
};

struct srh {
	__u8 next_hdr;
	__u8 len;
	__u8 type;
	__u8 segments_left;
	__u8 last_entry;
	__u8 flags;
	__be16 tag;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, struct sid);
	__type(value, struct local_sid);
	__uint(max_entries, 64);
} local_sids SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__type(key, struct prefix);
	__type(value, struct policy);
	__uint(max_entries, 64);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} policies SEC(".maps");

enum event { EV_END, EV_END_X, EV_DECAP4, EV_DECAP6, EV_ENCAP, EV_NO_SEGMENTS, EV_BAD_SRH, EV_HOPS, EV_OTHER, EV_COUNT };
COUNTERS(events, enum event, EV_COUNT);

static __always_inline int done(enum event event, int action)
{
	count_in(&events, event, 0);
	return action;
}

static __always_inline int decap(struct xdp_md *ctx, __u32 cut, __be16 proto, enum event event)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	HEADER_OR_RETURN(struct eth_hdr, eth, data, end, XDP_ABORTED)
	struct eth_hdr kept = *eth;

	if (bpf_xdp_adjust_head(ctx, cut))
		return done(EV_BAD_SRH, XDP_DROP);
	data = (void *)(long)ctx->data;
	end = (void *)(long)ctx->data_end;
	HEADER_OR_RETURN(struct eth_hdr, now, data, end, XDP_ABORTED)

	*now = kept;
	now->proto = proto;
	return done(event, XDP_PASS);
}

static __always_inline int at_segment(struct xdp_md *ctx, struct eth_hdr *eth, struct ipv6_hdr *ip6, struct local_sid *local,
				      void *end)
{
	struct srh *srh = (void *)(ip6 + 1);
	__u32 left, size;
	struct sid *next;

	if (ip6->hop_limit <= 1)
		return done(EV_HOPS, XDP_DROP);
	if (ip6->next_hdr != IPPROTO_ROUTING) {
		if (local->behaviour == END_DT4 && ip6->next_hdr == IPPROTO_IPIP)
			return decap(ctx, sizeof(*ip6), bpf_htons(ETH_P_IP), EV_DECAP4);
		return done(EV_OTHER, XDP_PASS);
	}
	if ((void *)(srh + 1) > end || srh->type != 4)
		return done(EV_BAD_SRH, XDP_DROP);
	size = (srh->len + 1) * 8;
	left = srh->segments_left;
	if (left > srh->last_entry || size < sizeof(*srh) + (srh->last_entry + 1) * sizeof(struct sid))
		return done(EV_BAD_SRH, XDP_DROP);
	local->packets++;
	if (local->behaviour == END_DT4 || local->behaviour == END_DT6) {
		if (left)
			return done(EV_BAD_SRH, XDP_DROP);
		if (srh->next_hdr == IPPROTO_IPIP && local->behaviour == END_DT4)
			return decap(ctx, sizeof(*ip6) + size, bpf_htons(ETH_P_IP), EV_DECAP4);
		if (srh->next_hdr == 41 && local->behaviour == END_DT6)
			return decap(ctx, sizeof(*ip6) + size, bpf_htons(ETH_P_IPV6), EV_DECAP6);
		return done(EV_OTHER, XDP_DROP);
	}
	if (!left)
		return done(EV_NO_SEGMENTS, XDP_PASS);
	left--;
	if (left >= MAX_SEGMENTS)
		return done(EV_BAD_SRH, XDP_DROP);
	next = (void *)(srh + 1) + left * sizeof(struct sid);
	if ((void *)(next + 1) > end)
		return done(EV_BAD_SRH, XDP_DROP);
	srh->segments_left = left;
	__builtin_memcpy(ip6->dst, next, 16);
	ip6->hop_limit--;
	if (local->behaviour == END_X) {
		__builtin_memcpy(eth->src, eth->dst, 6);
		__builtin_memcpy(eth->dst, local->mac, 6);
		return done(EV_END_X, XDP_TX);
	}
	return done(EV_END, XDP_PASS);
}

static __always_inline int steer(struct xdp_md *ctx, struct eth_hdr *eth, struct ipv4_hdr *ip)
{
	struct prefix key = { .bits = 32, .addr = ip->dst };
	struct policy *policy = bpf_map_lookup_elem(&policies, &key);
	struct eth_hdr kept = *eth;
	__u32 inner, list;
	void *data, *end;

	if (!policy || policy->count != 2)
		return done(EV_OTHER, XDP_PASS);
	inner = bpf_ntohs(ip->total_len);
	list = sizeof(struct srh) + 2 * sizeof(struct sid);
	if (bpf_xdp_adjust_head(ctx, -(int)(sizeof(struct ipv6_hdr) + sizeof(struct srh) + 2 * sizeof(struct sid))))
		return XDP_ABORTED;
	data = (void *)(long)ctx->data;
	end = (void *)(long)ctx->data_end;
	eth = data;
	struct ipv6_hdr *ip6 = (void *)(eth + 1);
	struct srh *srh = (void *)(ip6 + 1);
	struct sid *segments = (void *)(srh + 1);

	if ((void *)(segments + 2) > end)
		return XDP_ABORTED;
	*eth = kept;
	eth->proto = bpf_htons(ETH_P_IPV6);
	ip6->version_class_flow = bpf_htonl(6 << 28);
	ip6->payload_len = bpf_htons(inner + list);
	ip6->next_hdr = IPPROTO_ROUTING;
	ip6->hop_limit = 64;
	__builtin_memcpy(ip6->src, policy->source, 16);
	__builtin_memcpy(ip6->dst, &policy->segments[1], 16);
	srh->next_hdr = IPPROTO_IPIP;
	srh->len = 4;
	srh->type = 4;
	srh->segments_left = 1;
	srh->last_entry = 1;
	srh->flags = 0;
	srh->tag = 0;
	__builtin_memcpy(segments, policy->segments, 2 * sizeof(struct sid));
	return done(EV_ENCAP, XDP_TX);
}

SEC("xdp")
int srv6_node(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	HEADER_OR_RETURN(struct eth_hdr, eth, data, end, XDP_PASS)

	if (eth->proto == bpf_htons(ETH_P_IPV6)) {
		HEADER_OR_RETURN(struct ipv6_hdr, ip6, eth + 1, end, XDP_PASS)
		struct local_sid *local;
		struct sid sid;

		__builtin_memcpy(&sid, ip6->dst, 16);
		local = bpf_map_lookup_elem(&local_sids, &sid);
		if (!local)
			return done(EV_OTHER, XDP_PASS);
		return at_segment(ctx, eth, ip6, local, end);
	}
	if (eth->proto == bpf_htons(ETH_P_IP)) {
		HEADER_OR_RETURN(struct ipv4_hdr, ip, eth + 1, end, XDP_PASS)

		return steer(ctx, eth, ip);
	}
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";

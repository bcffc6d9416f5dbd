/*
 * The user plane of a mobile gateway: takes GTP-U packets (3GPP TS 29.281) out
 * of their tunnel, checks the inner source against the session, polices the
 * session's rate, and sends them on by a route table; packets for a mobile go
 * into its tunnel. Echo requests are answered here.
 */
#include "app.h"

#define GTP_PORT 2152
#define GTP_ECHO_REQUEST 1
#define GTP_ECHO_RESPONSE 2
#define GTP_ERROR 26
#define GTP_END_MARKER 254
#define GTP_TPDU 255

struct gtp_hdr {
	__u8 flags;
	__u8 type;
	__be16 length;
	__be32 teid;
};

struct gtp_opt {
	__be16 seq;
	__u8 npdu;
	__u8 next;
};

struct session {
	__be32 mobile; /* 0: any */
	__be32 peer;
	__be32 peer_teid;
	__u32 qos;
	__u64 quota; /* bytes */
	__u64 used;
	struct counter up;
	struct counter down;
};

struct route_key {
	__u32 bits;
	__be32 addr;
};

struct route {
	__u8 mac[6];
	__u16 action;
	__u32 mtu;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, __be32); /* TEID */
	__type(value, struct session);
	__uint(max_entries, 1024);
} sessions SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, __be32); /* address of the mobile */
	__type(value, __be32); /* TEID */
	__uint(max_entries, 1024);
} mobiles SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__type(key, struct route_key);
	__type(value, struct route);
	__uint(max_entries, 128);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} routes SEC(".maps");

enum event {
	EV_UPLINK, EV_DOWNLINK, EV_ECHO, EV_UNKNOWN_TEID, EV_SPOOFED, EV_OVER_QUOTA, EV_NO_ROUTE, EV_EXPIRED, EV_END_MARKER,
	EV_BAD_HEADER, EV_FRAGMENT, EV_OTHER, EV_COUNT,
};
COUNTERS(events, enum event, EV_COUNT);

const volatile __be32 own_address = bpf_htonl(0xc6336414); /* 198.51.100.20 */

static __always_inline int drop(enum event event, __u64 bytes)
{
	count_in(&events, event, bytes);
	return XDP_DROP;
}

static __always_inline int answer_echo(struct xdp_md *ctx, struct eth_hdr *eth, struct ipv4_hdr *ip, struct udp_hdr *udp,
				       struct gtp_hdr *gtp)
{
	__be32 addr = ip->src;
	__be16 port = udp->src;

	swap_macs(eth);
	ip->src = ip->dst;
	ip->dst = addr;
	udp->src = udp->dst;
	udp->dst = port;
	udp->check = 0;
	gtp->type = GTP_ECHO_RESPONSE;
	count_in(&events, EV_ECHO, ctx->data_end - ctx->data);
	return XDP_TX;
}

static __always_inline int forward(struct xdp_md *ctx, struct session *session, __u64 bytes)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct route_key key = { .bits = 32 };
	struct eth_hdr *eth = data;
	struct ipv4_hdr *ip = data + sizeof(*eth);
	struct route *route;

	if ((void *)(ip + 1) > end)
		return XDP_ABORTED;
	if (ip->ttl <= 1)
		return drop(EV_EXPIRED, bytes);
	key.addr = ip->dst;
	route = bpf_map_lookup_elem(&routes, &key);
	if (!route)
		return drop(EV_NO_ROUTE, bytes);
	ip->check = csum_replace2(ip->check, ip->ttl | ip->proto << 8, (__u8)(ip->ttl - 1) | ip->proto << 8);
	ip->ttl--;
	__builtin_memcpy(eth->src, eth->dst, 6);
	__builtin_memcpy(eth->dst, route->mac, 6);
	eth->proto = bpf_htons(ETH_P_IP);
	__sync_fetch_and_add(&session->up.packets, 1);
	__sync_fetch_and_add(&session->up.bytes, bytes);
	count_in(&events, EV_UPLINK, bytes);
	return route->action == 1 ? XDP_TX : XDP_PASS;
}

static __always_inline int uplink(struct xdp_md *ctx, __u32 offset)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct eth_hdr *eth = data, kept;
	struct ipv4_hdr *ip = data + sizeof(*eth);
	struct udp_hdr *udp = data + offset;
	struct gtp_hdr *gtp = (void *)(udp + 1);
	__u32 header = sizeof(*gtp);
	__u64 bytes = end - data;
	struct session *session;

	if ((void *)(gtp + 1) > end || (void *)(ip + 1) > end)
		return drop(EV_BAD_HEADER, bytes);
	if ((gtp->flags & 0xf0) != 0x30)
		return drop(EV_BAD_HEADER, bytes);
	if (gtp->type == GTP_ECHO_REQUEST)
		return answer_echo(ctx, eth, ip, udp, gtp);
	if (gtp->type == GTP_END_MARKER)
		return drop(EV_END_MARKER, bytes);
	if (gtp->type != GTP_TPDU)
		return XDP_PASS;
	if (gtp->flags & 0x07) {
		struct gtp_opt *opt = (void *)(gtp + 1);

		if ((void *)(opt + 1) > end)
			return drop(EV_BAD_HEADER, bytes);
		header += sizeof(*opt);
		__u8 next = opt->next;
		__u8 *ext = (void *)(opt + 1);
		/* extension headers, each in units of 4 bytes */
		for (int i = 0; i < 3 && next && gtp->flags & 0x04; i++) {
			asm volatile("" : "+r"(ext)); /* one pointer for the comparison and the access */
			if ((void *)(ext + 1) > end)
				return drop(EV_BAD_HEADER, bytes);
			__u32 length = ext[0] * 4;

			if (length == 0 || length > 64)
				return drop(EV_BAD_HEADER, bytes);
			ext += length;
			asm volatile("" : "+r"(ext));
			if ((void *)ext > end)
				return drop(EV_BAD_HEADER, bytes);
			next = ext[-1];
			header += length;
		}
	}
	session = bpf_map_lookup_elem(&sessions, &gtp->teid);
	if (!session)
		return drop(EV_UNKNOWN_TEID, bytes);
	if (session->used >= session->quota)
		return drop(EV_OVER_QUOTA, bytes);
	__sync_fetch_and_add(&session->used, bytes);
	kept = *eth;
	__u32 outer = offset - sizeof(*eth) + sizeof(*udp) + header;

	if (bpf_xdp_adjust_head(ctx, outer))
		return drop(EV_BAD_HEADER, bytes);
	data = (void *)(long)ctx->data;
	end = (void *)(long)ctx->data_end;
	eth = data;
	ip = data + sizeof(*eth);
	if ((void *)(ip + 1) > end)
		return drop(EV_BAD_HEADER, bytes);
	*eth = kept;
	if (ip->version_ihl != 0x45)
		return drop(EV_BAD_HEADER, bytes);
	if (session->mobile && session->mobile != ip->src)
		return drop(EV_SPOOFED, bytes);
	return forward(ctx, session, end - data);
}

static __always_inline int downlink(struct xdp_md *ctx, __be32 mobile)
{
	const int outer = sizeof(struct ipv4_hdr) + sizeof(struct udp_hdr) + sizeof(struct gtp_hdr);
	__be32 *teid = bpf_map_lookup_elem(&mobiles, &mobile);
	__u64 bytes = ctx->data_end - ctx->data;
	struct session *session;
	struct eth_hdr *eth, *old;
	struct ipv4_hdr *ip;
	struct udp_hdr *udp;
	struct gtp_hdr *gtp;
	void *data, *end;

	if (!teid)
		return XDP_PASS;
	session = bpf_map_lookup_elem(&sessions, teid);
	if (!session)
		return drop(EV_UNKNOWN_TEID, bytes);
	if (bpf_xdp_adjust_head(ctx, -outer))
		return XDP_ABORTED;
	data = (void *)(long)ctx->data;
	end = (void *)(long)ctx->data_end;
	eth = data;
	old = data + outer;
	ip = (void *)(eth + 1);
	udp = (void *)(ip + 1);
	gtp = (void *)(udp + 1);
	if ((void *)(old + 1) > end || (void *)(gtp + 1) > end)
		return XDP_ABORTED;
	__builtin_memcpy(eth->dst, old->src, 6);
	__builtin_memcpy(eth->src, old->dst, 6);
	eth->proto = bpf_htons(ETH_P_IP);
	ip->version_ihl = 0x45;
	ip->tos = session->qos << 2;
	ip->total_len = bpf_htons(bytes - sizeof(*eth) + outer);
	ip->id = 0;
	ip->frag_off = bpf_htons(0x4000);
	ip->ttl = 64;
	ip->proto = IPPROTO_UDP;
	ip->src = own_address;
	ip->dst = session->peer;
	ip->check = ipv4_csum(ip);
	udp->src = bpf_htons(GTP_PORT);
	udp->dst = bpf_htons(GTP_PORT);
	udp->len = bpf_htons(bytes - sizeof(*eth) + outer - sizeof(*ip));
	udp->check = 0;
	gtp->flags = 0x30;
	gtp->type = GTP_TPDU;
	gtp->length = bpf_htons(bytes - sizeof(*eth));
	gtp->teid = session->peer_teid;
	__sync_fetch_and_add(&session->down.packets, 1);
	__sync_fetch_and_add(&session->down.bytes, bytes);
	count_in(&events, EV_DOWNLINK, bytes);
	return XDP_TX;
}

SEC("xdp")
int gtpu_gateway(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	HEADER_OR_RETURN(struct eth_hdr, eth, data, end, XDP_DROP)
	struct ipv4_hdr *ip = (void *)(eth + 1);
	__u32 offset;

	if (eth->proto != bpf_htons(ETH_P_IP) || (void *)(ip + 1) > end)
		return XDP_PASS;
	if (ip->dst != own_address)
		return downlink(ctx, ip->dst);
	if (ip->proto != IPPROTO_UDP)
		return XDP_PASS;
	if (ip->frag_off & bpf_htons(IP_MORE_FRAGMENTS | IP_OFFSET_MASK))
		return drop(EV_FRAGMENT, end - data);
	offset = sizeof(*eth) + (ip->version_ihl & 15) * 4;
	if (offset < sizeof(*eth) + sizeof(*ip))
		return drop(EV_BAD_HEADER, end - data);
	struct udp_hdr *udp = data + offset;

	if ((void *)(udp + 1) > end)
		return drop(EV_BAD_HEADER, end - data);
	if (udp->dst != bpf_htons(GTP_PORT)) {
		count_in(&events, EV_OTHER, end - data);
		return XDP_PASS;
	}
	return uplink(ctx, offset);
}

char LICENSE[] SEC("license") = "GPL";

/*
 * A layer-4 load balancer: packets to a virtual address go to one of its
 * real servers in an IPv4 or IPv6 tunnel. A connection stays with its server
 * by a per-CPU LRU table; a new one gets it from a consistent-hash ring
 * (Maglev: Eisenbud et al., NSDI 2016), one inner array a VIP. QUIC goes by the
 * server's number in the connection id, ICMP errors by the packet that they
 * quote. A rate limit on new connections falls back to the ring without
 * remembering them.
 */
#include "app.h"

#define RING_SIZE 251
#define MAX_VIPS 16
#define MAX_REALS 64
#define IPPROTO_IPV6_TUNNEL 41

#define F_HASH_SRC_ONLY (1 << 0)
#define F_NO_LRU (1 << 1)
#define F_QUIC (1 << 2)

struct vip {
	__be32 addr[4]; /* IPv4 in the first word */
	__be16 port; /* 0: all */
	__u8 proto;
	__u8 family; /* 4 or 6 */
};

struct vip_info {
	__u32 flags;
	__u32 ring;
};

struct flow {
	__be32 src[4];
	__be32 dst[4];
	__be16 sport;
	__be16 dport;
	__u8 proto;
	__u8 pad[3];
};

struct real {
	__be32 addr[4];
	__u32 family;
};

struct lru_entry {
	__u32 real;
	__u32 reserved;
	__u64 packets;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, struct vip);
	__type(value, struct vip_info);
	__uint(max_entries, MAX_VIPS);
} vips SEC(".maps");

struct ring {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, __u32);
	__uint(max_entries, RING_SIZE);
} ring_0 SEC(".maps"), ring_1 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__type(key, __u32);
	__uint(max_entries, 4);
	__array(values, struct ring);
} rings SEC(".maps") = {
	.values = { [0] = &ring_0, [1] = &ring_1 },
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct real);
	__uint(max_entries, MAX_REALS);
} reals SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__type(key, struct flow);
	__type(value, struct lru_entry);
	__uint(max_entries, 4096);
} connections SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, __u32);
	__type(value, __u32);
	__uint(max_entries, 32);
} quic_servers SEC(".maps");

COUNTERS(vip_stats, __u32, MAX_VIPS);
COUNTERS(real_stats, __u32, MAX_REALS);

enum event { EV_LRU_HIT, EV_LRU_MISS, EV_NEW_TCP, EV_QUIC_ID, EV_ICMP, EV_NO_REAL, EV_TOO_BIG, EV_NOT_FOR_US, EV_COUNT };
COUNTERS(events, enum event, EV_COUNT);

const volatile __be32 tunnel_src4 = bpf_htonl(0xac100001); /* 172.16.0.1 */
const volatile __be32 tunnel_src6[4] = { bpf_htonl(0x01000000), 0, 0, 0 }; /* 100:: */
const volatile __u8 gateway_mac[6] = { 0x02, 0x53, 0x4c, 0, 0, 0xfe };
const volatile __u32 max_packet = 1474;

struct packet {
	struct flow flow;
	__u32 offset; /* of the transport header */
	__u32 bytes;
	__u8 family;
	__u8 tos;
	__u8 tcp_flags;
	__u8 reversed; /* found in an ICMP error */
};

static __always_inline int parse_l4(void *data, void *end, struct packet *packet)
{
	if (packet->offset > 128)
		return -1;
	if (packet->flow.proto == IPPROTO_TCP) {
		struct tcp_hdr *tcp = data + packet->offset;

		if ((void *)(tcp + 1) > end)
			return -1;
		packet->flow.sport = tcp->src;
		packet->flow.dport = tcp->dst;
		packet->tcp_flags = tcp->flags;
		return 0;
	}
	if (packet->flow.proto == IPPROTO_UDP) {
		struct udp_hdr *udp = data + packet->offset;

		if ((void *)(udp + 1) > end)
			return -1;
		packet->flow.sport = udp->src;
		packet->flow.dport = udp->dst;
		return 0;
	}
	return -1;
}

static __noinline int parse_quoted4(struct xdp_md *ctx, struct packet *packet)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct ipv4_hdr *quoted;

	if (!packet)
		return -1;
	if (packet->offset > 64)
		return -1;
	quoted = data + packet->offset + sizeof(struct icmp_hdr);
	if ((void *)(quoted + 1) > end || quoted->version_ihl != 0x45)
		return -1;
	/* the other way round: it was ours to the client */
	packet->flow.src[0] = quoted->dst;
	packet->flow.dst[0] = quoted->src;
	packet->flow.proto = quoted->proto;
	packet->offset += sizeof(struct icmp_hdr) + sizeof(*quoted);
	packet->reversed = 1;
	if (parse_l4(data, end, packet))
		return -1;
	__be16 port = packet->flow.sport;

	packet->flow.sport = packet->flow.dport;
	packet->flow.dport = port;
	return 0;
}

static __always_inline int parse(struct xdp_md *ctx, struct packet *packet)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	HEADER_OR_RETURN(struct eth_hdr, eth, data, end, -1)

	packet->bytes = end - data;
	if (eth->proto == bpf_htons(ETH_P_IP)) {
		HEADER_OR_RETURN(struct ipv4_hdr, ip, eth + 1, end, -1)

		if (ip->version_ihl != 0x45 || ip->frag_off & bpf_htons(IP_MORE_FRAGMENTS | IP_OFFSET_MASK))
			return -1;
		packet->family = 4;
		packet->tos = ip->tos;
		packet->flow.src[0] = ip->src;
		packet->flow.dst[0] = ip->dst;
		packet->flow.proto = ip->proto;
		packet->offset = sizeof(*eth) + sizeof(*ip);
		if (ip->proto == IPPROTO_ICMP) {
			HEADER_OR_RETURN(struct icmp_hdr, icmp, ip + 1, end, -1)

			if (icmp->type != 3)
				return -1;
			return parse_quoted4(ctx, packet);
		}
	} else if (eth->proto == bpf_htons(ETH_P_IPV6)) {
		HEADER_OR_RETURN(struct ipv6_hdr, ip6, eth + 1, end, -1)

		packet->family = 6;
		packet->tos = bpf_ntohl(ip6->version_class_flow) >> 20;
		__builtin_memcpy(packet->flow.src, ip6->src, 16);
		__builtin_memcpy(packet->flow.dst, ip6->dst, 16);
		packet->flow.proto = ip6->next_hdr;
		packet->offset = sizeof(*eth) + sizeof(*ip6);
	} else {
		return -1;
	}
	return parse_l4(data, end, packet);
}

/* The server that a QUIC short or long header names, or 0. */
static __noinline __u32 quic_server(struct xdp_md *ctx, __u32 offset)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	__u8 *p;

	if (offset > 128)
		return 0;
	p = data + offset + sizeof(struct udp_hdr);
	if ((void *)(p + 16) > end)
		return 0;
	__u32 id = p[0] & 0x80 ? p[6] : p[1];
	__u32 *real = bpf_map_lookup_elem(&quic_servers, &id);

	return real ? *real : 0;
}

static __always_inline __u32 from_ring(struct vip_info *info, struct flow *flow)
{
	__u32 ring_key = info->ring, slot, *real;
	void *ring = bpf_map_lookup_elem(&rings, &ring_key);

	if (!ring)
		return 0;
	if (info->flags & F_HASH_SRC_ONLY) {
		slot = hash_words((__u32 *)flow->src, 4, 17);
	} else {
		slot = hash_words((__u32 *)flow, sizeof(*flow) / 4, 17);
	}
	slot %= RING_SIZE;
	real = bpf_map_lookup_elem(ring, &slot);
	return real ? *real : 0;
}

static __always_inline int encap4(struct xdp_md *ctx, struct packet *packet, struct real *real)
{
	if (bpf_xdp_adjust_head(ctx, -(int)sizeof(struct ipv4_hdr)))
		return XDP_DROP;
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct eth_hdr *eth = data, *old = data + sizeof(struct ipv4_hdr);
	struct ipv4_hdr *ip = data + sizeof(*eth);

	if ((void *)(old + 1) > end || (void *)(ip + 1) > end)
		return XDP_DROP;
	__builtin_memcpy(eth->src, old->dst, 6);
	__builtin_memcpy(eth->dst, (void *)gateway_mac, 6);
	eth->proto = bpf_htons(ETH_P_IP);
	ip->version_ihl = 0x45;
	ip->tos = packet->tos;
	ip->total_len = bpf_htons(packet->bytes - sizeof(*eth) + sizeof(*ip));
	ip->id = 0;
	ip->frag_off = 0;
	ip->ttl = 64;
	ip->proto = packet->family == 6 ? IPPROTO_IPV6_TUNNEL : IPPROTO_IPIP;
	/* a source that spreads over the server's receive queues */
	ip->src = tunnel_src4 ^ (packet->flow.src[0] ^ packet->flow.sport) << 16;
	ip->dst = real->addr[0];
	ip->check = ipv4_csum(ip);
	return XDP_TX;
}

static __always_inline int encap6(struct xdp_md *ctx, struct packet *packet, struct real *real)
{
	if (bpf_xdp_adjust_head(ctx, -(int)sizeof(struct ipv6_hdr)))
		return XDP_DROP;
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct eth_hdr *eth = data, *old = data + sizeof(struct ipv6_hdr);
	struct ipv6_hdr *ip = data + sizeof(*eth);

	if ((void *)(old + 1) > end || (void *)(ip + 1) > end)
		return XDP_DROP;
	__builtin_memcpy(eth->src, old->dst, 6);
	__builtin_memcpy(eth->dst, (void *)gateway_mac, 6);
	eth->proto = bpf_htons(ETH_P_IPV6);
	ip->version_class_flow = bpf_htonl(6 << 28 | packet->tos << 20);
	ip->payload_len = bpf_htons(packet->bytes - sizeof(*eth));
	ip->next_hdr = packet->family == 6 ? IPPROTO_IPV6_TUNNEL : IPPROTO_IPIP;
	ip->hop_limit = 64;
	__builtin_memcpy(ip->src, (void *)tunnel_src6, 16);
	ip->src[3] = packet->flow.src[packet->family == 6 ? 3 : 0] ^ packet->flow.sport;
	__builtin_memcpy(ip->dst, real->addr, 16);
	return XDP_TX;
}

SEC("xdp")
int maglev_lb(struct xdp_md *ctx)
{
	struct packet packet = {};
	struct vip_info *info;
	struct vip vip = {};
	__u32 chosen = 0;

	if (parse(ctx, &packet)) {
		count_in(&events, EV_NOT_FOR_US, 0);
		return XDP_PASS;
	}
	__builtin_memcpy(vip.addr, packet.flow.dst, 16);
	vip.port = packet.flow.dport;
	vip.proto = packet.flow.proto;
	vip.family = packet.family;
	info = bpf_map_lookup_elem(&vips, &vip);
	if (!info) {
		vip.port = 0;
		info = bpf_map_lookup_elem(&vips, &vip);
		if (!info) {
			count_in(&events, EV_NOT_FOR_US, packet.bytes);
			return XDP_PASS;
		}
		packet.flow.dport = 0;
	}
	if (packet.bytes > max_packet) {
		count_in(&events, EV_TOO_BIG, packet.bytes);
		return XDP_DROP;
	}
	if (packet.reversed)
		count_in(&events, EV_ICMP, packet.bytes);
	if (info->flags & F_QUIC && packet.flow.proto == IPPROTO_UDP) {
		chosen = quic_server(ctx, packet.offset);
		if (chosen)
			count_in(&events, EV_QUIC_ID, packet.bytes);
	}
	if (!chosen && !(info->flags & F_NO_LRU)) {
		struct lru_entry *entry = 0;

		if (!(packet.flow.proto == IPPROTO_TCP && packet.tcp_flags & TCP_SYN))
			entry = bpf_map_lookup_elem(&connections, &packet.flow);
		if (entry) {
			chosen = entry->real;
			entry->packets++;
			count_in(&events, EV_LRU_HIT, packet.bytes);
		} else {
			count_in(&events, packet.tcp_flags & TCP_SYN ? EV_NEW_TCP : EV_LRU_MISS, packet.bytes);
		}
	}
	if (!chosen) {
		chosen = from_ring(info, &packet.flow);
		if (chosen && !(info->flags & F_NO_LRU)) {
			struct lru_entry entry = { .real = chosen, .packets = 1 };

			bpf_map_update_elem(&connections, &packet.flow, &entry, BPF_ANY);
		}
	}
	struct real *real = bpf_map_lookup_elem(&reals, &chosen);

	if (!chosen || !real) {
		count_in(&events, EV_NO_REAL, packet.bytes);
		return XDP_DROP;
	}
	count_in(&vip_stats, info->ring % MAX_VIPS, packet.bytes);
	count_in(&real_stats, chosen, packet.bytes);
	return real->family == 6 ? encap6(ctx, &packet, real) : encap4(ctx, &packet, real);
}

char LICENSE[] SEC("license") = "GPL";

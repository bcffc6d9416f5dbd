/*
 * Stateful NAT64 (RFC 6146, RFC 7915): packets of IPv6 clients to the prefix
 * 64:ff9b::/96 become IPv4 packets from a pool address with a port of its
 * own, and back. TCP, UDP and ICMP echo; transport checksums are corrected
 * by the difference of the pseudo headers. An LPM trie says which clients may.
 */
#include "app.h"

#define POOL bpf_htonl(0xcb007101) /* 203.0.113.1 */
#define FIRST_PORT 20000
#define PORTS 64

struct client {
	__be32 addr[4];
	__be16 port;
	__u8 proto;
	__u8 pad;
};

struct mapping {
	__be16 port;
	__u16 pad;
	__u32 packets;
};

struct port_key {
	__be16 port;
	__u8 proto;
	__u8 pad;
};

struct prefix {
	__u32 bits;
	__be32 addr[4];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, struct client);
	__type(value, struct mapping);
	__uint(max_entries, PORTS);
} outgoing SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, struct port_key);
	__type(value, struct client);
	__uint(max_entries, PORTS);
} incoming SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__type(key, struct prefix);
	__type(value, __u32);
	__uint(max_entries, 64);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} allowed SEC(".maps");

enum event { EV_6TO4, EV_4TO6, EV_NEW, EV_FULL, EV_NO_MAPPING, EV_DENIED, EV_OTHER, EV_MALFORMED, EV_EXPIRED, EV_COUNT };
COUNTERS(events, enum event, EV_COUNT);

__u32 next_port;

static __always_inline int is_nat64(const __be32 *addr)
{
	return addr[0] == bpf_htonl(0x0064ff9b) && !addr[1] && !addr[2];
}

static __always_inline __u32 pseudo6(struct ipv6_hdr *ip6)
{
	return bpf_csum_diff(0, 0, ip6->src, 32, 0);
}

static __always_inline __u16 replace_pseudo(__u16 check, __u32 old_sum, __u32 new_sum, __be16 old_port, __be16 new_port)
{
	__u64 sum = (__u16)~check;

	sum += (__u32)~old_sum;
	sum += new_sum;
	sum += (__u16)~old_port;
	sum += new_port;
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	return csum_fold(sum);
}

static __noinline __u32 map_port(struct client *client)
{
	struct mapping *found, fresh = {};
	struct port_key key = {};

	if (!client)
		return 0;
	found = bpf_map_lookup_elem(&outgoing, client);
	if (found) {
		found->packets++;
		return found->port;
	}
	for (int i = 0; i < 8; i++) {
		key.port = bpf_htons(FIRST_PORT + next_port++ % PORTS);
		key.proto = client->proto;
		if (bpf_map_update_elem(&incoming, &key, client, BPF_NOEXIST))
			continue;
		fresh.port = key.port;
		fresh.packets = 1;
		if (bpf_map_update_elem(&outgoing, client, &fresh, BPF_NOEXIST)) {
			bpf_map_delete_elem(&incoming, &key);
			return 0;
		}
		count_in(&events, EV_NEW, 0);
		return key.port;
	}
	return 0;
}

static __always_inline int to_ipv4(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct eth_hdr *eth = data, kept;
	struct ipv6_hdr *ip6 = data + sizeof(*eth);
	struct client client = {};
	struct prefix prefix = { .bits = 128 };
	struct ipv4_hdr ip = {};
	__be32 addresses[2];
	__u32 old_sum, new_sum, port;

	if ((void *)(ip6 + 1) > end) {
		count_in(&events, EV_MALFORMED, 0);
		return XDP_DROP;
	}
	if (!is_nat64(ip6->dst))
		return XDP_PASS;
	if (ip6->hop_limit <= 1) {
		count_in(&events, EV_EXPIRED, 0);
		return XDP_DROP;
	}
	__builtin_memcpy(prefix.addr, ip6->src, 16);
	__u32 *permit = bpf_map_lookup_elem(&allowed, &prefix);

	if (!permit || !*permit) {
		count_in(&events, EV_DENIED, 0);
		return XDP_DROP;
	}
	__builtin_memcpy(client.addr, ip6->src, 16);
	client.proto = ip6->next_hdr;
	old_sum = pseudo6(ip6);
	ip.src = POOL;
	ip.dst = ip6->dst[3];
	addresses[0] = ip.src;
	addresses[1] = ip.dst;
	new_sum = bpf_csum_diff(0, 0, addresses, 8, 0);
	if (ip6->next_hdr == IPPROTO_TCP) {
		HEADER_OR_RETURN(struct tcp_hdr, tcp, ip6 + 1, end, XDP_DROP)

		client.port = tcp->src;
		port = map_port(&client);
		if (!port)
			goto full;
		tcp->check = replace_pseudo(tcp->check, old_sum, new_sum, tcp->src, port);
		tcp->src = port;
		ip.proto = IPPROTO_TCP;
	} else if (ip6->next_hdr == IPPROTO_UDP) {
		HEADER_OR_RETURN(struct udp_hdr, udp, ip6 + 1, end, XDP_DROP)

		client.port = udp->src;
		port = map_port(&client);
		if (!port)
			goto full;
		udp->check = replace_pseudo(udp->check, old_sum, new_sum, udp->src, port);
		udp->src = port;
		ip.proto = IPPROTO_UDP;
	} else if (ip6->next_hdr == IPPROTO_ICMPV6) {
		HEADER_OR_RETURN(struct icmp_hdr, icmp, ip6 + 1, end, XDP_DROP)

		if (icmp->type != 128) {
			count_in(&events, EV_OTHER, 0);
			return XDP_DROP;
		}
		client.port = icmp->id;
		port = map_port(&client);
		if (!port)
			goto full;
		/* ICMPv6 covers a pseudo header, ICMP none */
		old_sum = bpf_csum_diff(0, 0, ip6->src, 32, bpf_htons(IPPROTO_ICMPV6) + ip6->payload_len);
		icmp->check = replace_pseudo(icmp->check, old_sum, 0, icmp->id, port);
		icmp->id = port;
		icmp->check = csum_replace2(icmp->check, 128, 8);
		icmp->type = 8;
		ip.proto = IPPROTO_ICMP;
	} else {
		count_in(&events, EV_OTHER, 0);
		return XDP_DROP;
	}
	ip.version_ihl = 0x45;
	ip.tos = bpf_ntohl(ip6->version_class_flow) >> 20;
	ip.total_len = bpf_htons(bpf_ntohs(ip6->payload_len) + sizeof(ip));
	ip.frag_off = bpf_htons(0x4000);
	ip.ttl = ip6->hop_limit - 1;
	ip.check = ipv4_csum(&ip);
	kept = *eth;
	if (bpf_xdp_adjust_head(ctx, sizeof(*ip6) - sizeof(ip)))
		return XDP_ABORTED;
	data = (void *)(long)ctx->data;
	end = (void *)(long)ctx->data_end;
	eth = data;
	if ((void *)(eth + 1) + sizeof(ip) > end)
		return XDP_ABORTED;
	*eth = kept;
	swap_macs(eth);
	eth->proto = bpf_htons(ETH_P_IP);
	*(struct ipv4_hdr *)(eth + 1) = ip;
	count_in(&events, EV_6TO4, end - data);
	return XDP_TX;
full:
	count_in(&events, EV_FULL, 0);
	return XDP_DROP;
}

static __always_inline int to_ipv6(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct eth_hdr *eth = data, kept;
	struct ipv4_hdr *ip = data + sizeof(*eth);
	struct port_key key = {};
	struct ipv6_hdr ip6 = {};
	struct client *client;
	__be32 addresses[2];
	__u32 old_sum, new_sum;
	__be16 *port;
	__u16 *check;
	void *l4;

	if ((void *)(ip + 1) > end) {
		count_in(&events, EV_MALFORMED, 0);
		return XDP_DROP;
	}
	if (ip->dst != POOL)
		return XDP_PASS;
	if (ip->version_ihl != 0x45 || ip->frag_off & bpf_htons(IP_MORE_FRAGMENTS | IP_OFFSET_MASK)) {
		count_in(&events, EV_OTHER, 0);
		return XDP_DROP;
	}
	if (ip->ttl <= 1) {
		count_in(&events, EV_EXPIRED, 0);
		return XDP_DROP;
	}
	l4 = ip + 1;
	key.proto = ip->proto;
	if (ip->proto == IPPROTO_TCP) {
		HEADER_OR_RETURN(struct tcp_hdr, tcp, l4, end, XDP_DROP)

		port = &tcp->dst;
		check = &tcp->check;
	} else if (ip->proto == IPPROTO_UDP) {
		HEADER_OR_RETURN(struct udp_hdr, udp, l4, end, XDP_DROP)

		port = &udp->dst;
		check = &udp->check;
	} else {
		count_in(&events, EV_OTHER, 0);
		return XDP_DROP;
	}
	key.port = *port;
	client = bpf_map_lookup_elem(&incoming, &key);
	if (!client) {
		count_in(&events, EV_NO_MAPPING, 0);
		return XDP_DROP;
	}
	ip6.version_class_flow = bpf_htonl(6 << 28 | ip->tos << 20);
	ip6.payload_len = bpf_htons(bpf_ntohs(ip->total_len) - sizeof(*ip));
	ip6.next_hdr = ip->proto;
	ip6.hop_limit = ip->ttl - 1;
	ip6.src[0] = bpf_htonl(0x0064ff9b);
	ip6.src[3] = ip->src;
	__builtin_memcpy(ip6.dst, client->addr, 16);
	addresses[0] = ip->src;
	addresses[1] = ip->dst;
	old_sum = bpf_csum_diff(0, 0, addresses, 8, 0);
	new_sum = bpf_csum_diff(0, 0, ip6.src, 32, 0);
	if (*check || ip->proto == IPPROTO_TCP)
		*check = replace_pseudo(*check, old_sum, new_sum, *port, client->port);
	*port = client->port;
	kept = *eth;
	if (bpf_xdp_adjust_head(ctx, (int)sizeof(*ip) - (int)sizeof(ip6)))
		return XDP_ABORTED;
	data = (void *)(long)ctx->data;
	end = (void *)(long)ctx->data_end;
	eth = data;
	if ((void *)(eth + 1) + sizeof(ip6) > end)
		return XDP_ABORTED;
	*eth = kept;
	swap_macs(eth);
	eth->proto = bpf_htons(ETH_P_IPV6);
	*(struct ipv6_hdr *)(eth + 1) = ip6;
	count_in(&events, EV_4TO6, end - data);
	return XDP_TX;
}

SEC("xdp")
int nat64(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	HEADER_OR_RETURN(struct eth_hdr, eth, data, end, XDP_DROP)

	if (eth->proto == bpf_htons(ETH_P_IPV6))
		return to_ipv4(ctx);
	if (eth->proto == bpf_htons(ETH_P_IP))
		return to_ipv6(ctx);
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";

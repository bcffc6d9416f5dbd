/*
 * Sends the ICMP errors that a router owes: time exceeded for a TTL that ran
 * out, fragmentation needed and packet too big for what does not fit, for IPv4
 * and IPv6, quoting the packet; at most so many a prefix and window.
 */
#include "app.h"

#define QUOTE4 28 /* header and 8 bytes */
#define QUOTE6 96

struct limit {
	__u32 sent;
	__u32 suppressed;
	__u64 window;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__type(key, __be32);
	__type(value, struct limit);
	__uint(max_entries, 1024);
} limits SEC(".maps");

const volatile __be32 own4 = bpf_htonl(0xc0000201);
const volatile __be32 own6[4] = { bpf_htonl(0x20010db8), 0, 0, bpf_htonl(1) };
const volatile __u32 mtu = 280;
const volatile __u32 per_window = 4;
__u64 sequence, exceeded, too_big, suppressed, never;

static __always_inline int may_send(__be32 to)
{
	__u64 window = sequence >> 9;
	struct limit *limit = bpf_map_lookup_elem(&limits, &to), fresh = { .sent = 1 };

	if (!limit) {
		fresh.window = window;
		bpf_map_update_elem(&limits, &to, &fresh, BPF_ANY);
		return 1;
	}
	if (limit->window != window) {
		limit->window = window;
		limit->sent = 0;
	}
	if (limit->sent >= per_window) {
		limit->suppressed++;
		__sync_fetch_and_add(&suppressed, 1);
		return 0;
	}
	limit->sent++;
	return 1;
}

static __always_inline int error4(struct xdp_md *ctx, __u8 type, __u8 code, __u16 value)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct eth_hdr *eth = data, kept;
	struct ipv4_hdr *ip = data + sizeof(*eth);
	const int grow = sizeof(struct ipv4_hdr) + sizeof(struct icmp_hdr);
	__be32 to;
	int cut;

	if ((void *)(ip + 1) > end)
		return XDP_DROP;
	/* never about errors, later fragments or multicast (RFC 1122) */
	if (ip->frag_off & bpf_htons(IP_OFFSET_MASK) || bpf_ntohl(ip->dst) >> 28 == 14) {
		__sync_fetch_and_add(&never, 1);
		return XDP_DROP;
	}
	to = ip->src;
	if (!may_send(to))
		return XDP_DROP;
	kept = *eth;
	cut = (int)(end - data) - (int)sizeof(*eth) - QUOTE4;
	if (cut > 0 && bpf_xdp_adjust_tail(ctx, -cut))
		return XDP_DROP;
	if (bpf_xdp_adjust_head(ctx, -grow))
		return XDP_DROP;
	data = (void *)(long)ctx->data;
	end = (void *)(long)ctx->data_end;
	eth = data;
	ip = (void *)(eth + 1);
	struct icmp_hdr *icmp = (void *)(ip + 1);
	void *quote = icmp + 1;

	if (quote + QUOTE4 > end)
		return XDP_DROP;
	*eth = kept;
	swap_macs(eth);
	ip->version_ihl = 0x45;
	ip->tos = 0xc0;
	ip->total_len = bpf_htons(sizeof(*ip) + sizeof(*icmp) + QUOTE4);
	ip->id = 0;
	ip->frag_off = 0;
	ip->ttl = 64;
	ip->proto = IPPROTO_ICMP;
	ip->src = own4;
	ip->dst = to;
	ip->check = ipv4_csum(ip);
	icmp->type = type;
	icmp->code = code;
	icmp->id = 0;
	icmp->seq = bpf_htons(value);
	icmp->check = 0;
	icmp->check = csum_fold(bpf_csum_diff(0, 0, (void *)icmp, sizeof(*icmp) + QUOTE4, 0));
	return XDP_TX;
}

static __always_inline int error6(struct xdp_md *ctx, __u8 type, __u32 value)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct eth_hdr *eth = data, kept;
	struct ipv6_hdr *ip6 = data + sizeof(*eth);
	const int grow = sizeof(struct ipv6_hdr) + sizeof(struct icmp_hdr);
	__be32 to[4];
	__u64 sum;
	int cut;

	if ((void *)(ip6 + 1) > end)
		return XDP_DROP;
	if (!ip6->dst[0] || (bpf_ntohl(ip6->dst[0]) >> 24 == 0xff && type != 2)) {
		__sync_fetch_and_add(&never, 1);
		return XDP_DROP;
	}
	__builtin_memcpy(to, ip6->src, 16);
	if (!may_send(to[0] ^ to[1] ^ to[2] ^ to[3]))
		return XDP_DROP;
	kept = *eth;
	cut = (int)(end - data) - (int)sizeof(*eth) - QUOTE6;
	if (cut && bpf_xdp_adjust_tail(ctx, -cut)) /* a short one is filled up with zeroes */
		return XDP_DROP;
	if (bpf_xdp_adjust_head(ctx, -grow))
		return XDP_DROP;
	data = (void *)(long)ctx->data;
	end = (void *)(long)ctx->data_end;
	eth = data;
	ip6 = (void *)(eth + 1);
	struct icmp_hdr *icmp = (void *)(ip6 + 1);

	if ((void *)(icmp + 1) + QUOTE6 > end)
		return XDP_DROP;
	*eth = kept;
	swap_macs(eth);
	ip6->version_class_flow = bpf_htonl(6 << 28);
	ip6->payload_len = bpf_htons(sizeof(*icmp) + QUOTE6);
	ip6->next_hdr = IPPROTO_ICMPV6;
	ip6->hop_limit = 64;
	__builtin_memcpy(ip6->src, (void *)own6, 16);
	__builtin_memcpy(ip6->dst, to, 16);
	icmp->type = type;
	icmp->code = 0;
	icmp->id = bpf_htons(value >> 16);
	icmp->seq = bpf_htons(value);
	icmp->check = 0;
	sum = bpf_csum_diff(0, 0, ip6->src, 32, bpf_htons(IPPROTO_ICMPV6) + ip6->payload_len);
	icmp->check = csum_fold(bpf_csum_diff(0, 0, (void *)icmp, sizeof(*icmp) + QUOTE6, sum));
	return XDP_TX;
}

SEC("xdp")
int icmp_errors(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	HEADER_OR_RETURN(struct eth_hdr, eth, data, end, XDP_DROP)

	sequence++;
	if (eth->proto == bpf_htons(ETH_P_IP)) {
		HEADER_OR_RETURN(struct ipv4_hdr, ip, eth + 1, end, XDP_DROP)

		if (ip->ttl <= 1) {
			__sync_fetch_and_add(&exceeded, 1);
			return error4(ctx, 11, 0, 0);
		}
		if (bpf_ntohs(ip->total_len) > mtu) {
			__sync_fetch_and_add(&too_big, 1);
			return error4(ctx, 3, 4, mtu);
		}
	} else if (eth->proto == bpf_htons(ETH_P_IPV6)) {
		HEADER_OR_RETURN(struct ipv6_hdr, ip6, eth + 1, end, XDP_DROP)

		if (ip6->hop_limit <= 1) {
			__sync_fetch_and_add(&exceeded, 1);
			return error6(ctx, 3, 0);
		}
		if (bpf_ntohs(ip6->payload_len) + sizeof(*ip6) > mtu) {
			__sync_fetch_and_add(&too_big, 1);
			return error6(ctx, 2, mtu);
		}
	}
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";

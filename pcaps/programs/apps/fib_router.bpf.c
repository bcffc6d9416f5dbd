/*
 * A router by the kernel's routes (bpf_fib_lookup): TTL or hop limit less one,
 * new MACs, redirect to the egress interface when it is one of ours; too long
 * packets and unresolved neighbours go to the stack, the unreachable are dropped.
 */
#include "app.h"

#ifndef AF_INET
#define AF_INET 2
#define AF_INET6 10
#endif

struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP_HASH);
	__type(key, __u32);
	__type(value, __u32);
	__uint(max_entries, 64);
} egress SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, __u64);
	__uint(max_entries, 16);
} results SEC(".maps"); /* by the result of the lookup */

__u64 expired, not_ip, too_long, multicast;

static __always_inline int route(struct xdp_md *ctx, struct eth_hdr *eth, struct bpf_fib_lookup *fib)
{
	__u32 key, mtu = 0;
	__u64 *count;
	long result;

	fib->ifindex = ctx->ingress_ifindex;
	result = bpf_fib_lookup(ctx, fib, sizeof(*fib), 0);
	if (result < 0)
		return -1;
	key = result & 15;
	count = bpf_map_lookup_elem(&results, &key);
	if (count)
		__sync_fetch_and_add(count, 1);
	switch (result) {
	case BPF_FIB_LKUP_RET_SUCCESS:
		break;
	case BPF_FIB_LKUP_RET_BLACKHOLE:
	case BPF_FIB_LKUP_RET_UNREACHABLE:
	case BPF_FIB_LKUP_RET_PROHIBIT:
		return XDP_DROP;
	case BPF_FIB_LKUP_RET_FRAG_NEEDED:
		__sync_fetch_and_add(&too_long, 1);
		return XDP_PASS;
	default:
		return XDP_PASS;
	}
	if (bpf_check_mtu(ctx, fib->ifindex, &mtu, 0, 0))
		__sync_fetch_and_add(&too_long, 1);
	__builtin_memcpy(eth->dst, fib->dmac, 6);
	__builtin_memcpy(eth->src, fib->smac, 6);
	return XDP_REDIRECT;
}

SEC("xdp")
int fib_router(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	HEADER_OR_RETURN(struct eth_hdr, eth, data, end, XDP_DROP)
	struct bpf_fib_lookup fib = {};
	int action;

	if (eth->dst[0] & 1) {
		__sync_fetch_and_add(&multicast, 1);
		return XDP_PASS;
	}
	if (eth->proto == bpf_htons(ETH_P_IP)) {
		HEADER_OR_RETURN(struct ipv4_hdr, ip, eth + 1, end, XDP_DROP)

		if (ip->ttl <= 1) {
			__sync_fetch_and_add(&expired, 1);
			return XDP_PASS;
		}
		fib.family = AF_INET;
		fib.tos = ip->tos;
		fib.l4_protocol = ip->proto;
		fib.tot_len = bpf_ntohs(ip->total_len);
		fib.ipv4_src = ip->src;
		fib.ipv4_dst = ip->dst;
		action = route(ctx, eth, &fib);
		if (action != XDP_REDIRECT)
			return action < 0 ? XDP_PASS : action;
		ip->check = csum_replace2(ip->check, ip->ttl | ip->proto << 8, (__u8)(ip->ttl - 1) | ip->proto << 8);
		ip->ttl--;
	} else if (eth->proto == bpf_htons(ETH_P_IPV6)) {
		HEADER_OR_RETURN(struct ipv6_hdr, ip6, eth + 1, end, XDP_DROP)

		if (ip6->hop_limit <= 1) {
			__sync_fetch_and_add(&expired, 1);
			return XDP_PASS;
		}
		fib.family = AF_INET6;
		fib.flowinfo = ip6->version_class_flow & bpf_htonl(0x0fffffff);
		fib.l4_protocol = ip6->next_hdr;
		fib.tot_len = bpf_ntohs(ip6->payload_len) + sizeof(*ip6);
		__builtin_memcpy(fib.ipv6_src, ip6->src, 16);
		__builtin_memcpy(fib.ipv6_dst, ip6->dst, 16);
		action = route(ctx, eth, &fib);
		if (action != XDP_REDIRECT)
			return action < 0 ? XDP_PASS : action;
		ip6->hop_limit--;
	} else {
		__sync_fetch_and_add(&not_ip, 1);
		return XDP_PASS;
	}
	return bpf_redirect_map(&egress, fib.ifindex, XDP_PASS);
}

char LICENSE[] SEC("license") = "GPL";

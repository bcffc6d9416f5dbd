/*
 * What programs find out about the network behind the packet: routes and
 * neighbours (by the headers of a router), the MTU of the way out, sockets.
 * Results are counted by number.
 */
#include "../packet.h"

#define AF_INET 2

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 16);
	__type(key, __u32);
	__type(value, __u64);
} results SEC(".maps");

__u32 out_ifindex;
__u32 too_long;
__u32 sockets;
__u8 last_dmac[6];

static __always_inline void count(__u32 result)
{
	__u64 *n = bpf_map_lookup_elem(&results, &result);

	if (n)
		(*n)++;
}

SEC("xdp")
int router(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;
	struct bpf_fib_lookup fib = {};
	struct bpf_sock_tuple tuple = {};
	struct bpf_sock *sk;
	__u32 mtu = 0;
	long result;

	HEADER_OR_RETURN(struct eth_hdr, eth, data, end, XDP_PASS);
	if (eth->proto != bpf_htons(ETH_P_IP))
		return XDP_PASS;
	HEADER_OR_RETURN(struct ipv4_hdr, ip, eth + 1, end, XDP_PASS);
	if (ip->proto == IPPROTO_TCP) {
		HEADER_OR_RETURN(struct tcp_hdr, tcp, ip + 1, end, XDP_PASS);
		tuple.ipv4.saddr = ip->src;
		tuple.ipv4.daddr = ip->dst;
		tuple.ipv4.sport = tcp->src;
		tuple.ipv4.dport = tcp->dst;
		sk = bpf_skc_lookup_tcp(ctx, &tuple, sizeof(tuple.ipv4), BPF_F_CURRENT_NETNS, 0);
		if (sk) {
			sockets++;
			bpf_sk_release(sk);
			return XDP_PASS;
		}
	}
	fib.family = AF_INET;
	fib.ipv4_src = ip->src;
	fib.ipv4_dst = ip->dst;
	fib.tot_len = bpf_ntohs(ip->total_len);
	fib.ifindex = ctx->ingress_ifindex;
	result = bpf_fib_lookup(ctx, &fib, sizeof(fib), 0);
	count(result < 0 ? 15 : result);
	if (result != BPF_FIB_LKUP_RET_SUCCESS)
		return result == BPF_FIB_LKUP_RET_BLACKHOLE ? XDP_DROP : XDP_PASS;
	if (bpf_check_mtu(ctx, fib.ifindex, &mtu, 0, 0))
		too_long++;
	out_ifindex = fib.ifindex;
	__builtin_memcpy(last_dmac, fib.dmac, 6);
	__builtin_memcpy(eth->dst, fib.dmac, 6);
	__builtin_memcpy(eth->src, fib.smac, 6);
	return bpf_redirect(fib.ifindex, 0);
}

char LICENSE[] SEC("license") = "GPL";

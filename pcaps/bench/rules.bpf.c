/*
 * A rule matcher as a generator writes it: RULES rules in line, each with a network, a block of ports and a protocol, the
 * first that matches decides. Every packet without a match goes by all of them: thousands of instructions a packet.
 */
#include "../programs/packet.h"

#define RULES 640

__u64 matched[4];

/* The compiler leaves two rounds of a loop: rules compute their numbers. */
static __always_inline __u32 mix(__u32 x)
{
	x ^= x >> 16;
	x *= 0x7feb352d;
	x ^= x >> 15;
	x *= 0x846ca68b;
	return x ^ x >> 16;
}

SEC("xdp")
int rules(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;

	HEADER_OR_RETURN(struct eth_hdr, eth, data, end, XDP_PASS);
	if (eth->proto != bpf_htons(ETH_P_IP))
		return XDP_PASS;
	HEADER_OR_RETURN(struct ipv4_hdr, ip, eth + 1, end, XDP_PASS);
	__u32 header = (ip->version_ihl & 0xf) * 4;
	if (header < sizeof(*ip))
		return XDP_PASS;
	__u32 src = ip->src, dst = ip->dst, proto = ip->proto, port = 0;
	if (proto == IPPROTO_UDP || proto == IPPROTO_TCP) {
		HEADER_OR_RETURN(struct udp_hdr, l4, (void *)ip + header, end, XDP_PASS);
		port = bpf_ntohs(l4->dst);
	}

#pragma unroll
	for (__u32 i = 0; i < RULES; i++) {
		__u32 mask = 0x00ffffff << mix(i) % 8;

		if (((src ^ mix(i + 2000)) & mask) == 0 && ((port ^ mix(i + 1000)) & 0xfe00) == 0) {
			__sync_fetch_and_add(&matched[i & 3], 1);
			return i & 1 ? XDP_DROP : XDP_PASS;
		}
		if (((dst ^ mix(i + 3000)) & mask) == 0 && ((proto ^ mix(i + 4000)) & 0xff) == 0) {
			__sync_fetch_and_add(&matched[i & 3], 1);
			return XDP_DROP;
		}
	}
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";

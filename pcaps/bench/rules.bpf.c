/*
 * A rule matcher as a generator writes it: 1,024 rules in line, each with two networks, a protocol and a range of ports as
 * constants; the first that matches decides. Each reads the fields that it compares, or the verifier would follow every
 * combination of what rules have learnt. A packet without a match goes by all of them: thousands of instructions.
 */
#include "../programs/packet.h"

__u64 matched[4];

static __always_inline __u32 mix(__u32 x)
{
	x ^= x >> 16;
	x *= 0x7feb352d;
	x ^= x >> 15;
	x *= 0x846ca68b;
	return x ^ x >> 16;
}

/* of 10.0.0.0/8, 14 to 21 bits; of 198.18.0.0/16, 20 to 27 */
#define SRC_MASK(i) bpf_htonl(0xfffc0000u | (__u32)(0xffffffff00000000ull >> (14 + mix(i) % 8)))
#define DST_MASK(i) bpf_htonl((__u32)(0xffffffff00000000ull >> (20 + mix((i) + 1000) % 8)))
#define SRC(i) (bpf_htonl(0x0a000000 | mix((i) + 2000) >> 8) & SRC_MASK(i))
#define DST(i) (bpf_htonl(0xc6120000 | mix((i) + 3000) >> 16) & DST_MASK(i))
#define PROTO(i) (mix((i) + 4000) & 1 ? IPPROTO_UDP : IPPROTO_TCP)
#define FIRST(i) (mix((i) + 5000) >> 18)

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
	if (ip->proto != IPPROTO_UDP && ip->proto != IPPROTO_TCP)
		return XDP_PASS;
	HEADER_OR_RETURN(struct udp_hdr, l4, (void *)ip + header, end, XDP_PASS);
	volatile struct ipv4_hdr *net = ip;
	volatile struct udp_hdr *ports = l4;

	/* in line by the preprocessor: loops of this size are not unrolled */
#define RULE(i) \
	if ((net->src & SRC_MASK(i)) == SRC(i) && (net->dst & DST_MASK(i)) == DST(i) && net->proto == PROTO(i) \
	    && bpf_ntohs(ports->dst) - FIRST(i) <= 2000) { \
		__sync_fetch_and_add(&matched[(i) & 3], 1); \
		return (i) & 1 ? XDP_DROP : XDP_PASS; \
	}
#define RULES_4(i) RULE(i) RULE((i) + 1) RULE((i) + 2) RULE((i) + 3)
#define RULES_16(i) RULES_4(i) RULES_4((i) + 4) RULES_4((i) + 8) RULES_4((i) + 12)
#define RULES_64(i) RULES_16(i) RULES_16((i) + 16) RULES_16((i) + 32) RULES_16((i) + 48)
#define RULES_256(i) RULES_64(i) RULES_64((i) + 64) RULES_64((i) + 128) RULES_64((i) + 192)
	RULES_256(0) RULES_256(256) RULES_256(512) RULES_256(768)
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";

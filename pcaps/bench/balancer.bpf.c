/*
 * A load balancer whose services and back ends are in its code: SERVICES addresses, each with its own hash and BACKENDS back
 * ends, of which one gets the packet: destination address and MAC are rewritten, the checksums corrected. What is for no
 * service is for the service that the packet's own hash names, so that all of the code is used.
 */
#include "../programs/packet.h"

#define SERVICES 96
#define BACKENDS 8

__u64 served[SERVICES];

static __always_inline __u32 mix(__u32 x)
{
	x ^= x >> 16;
	x *= 0x7feb352d;
	x ^= x >> 15;
	x *= 0x846ca68b;
	return x ^ x >> 16;
}

static __always_inline __u16 fix(__u16 check, __u32 from, __u32 to)
{
	__u32 sum = (__u16)~check;

	sum += (__u16)~from;
	sum += (__u16)~(from >> 16);
	sum += (__u16)to;
	sum += to >> 16;
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

static __always_inline int forward(struct eth_hdr *eth, struct ipv4_hdr *ip, __u32 service, __u32 hash)
{
	__u32 chosen = (hash ^ mix(service)) * 0x9e3779b1 >> 16;

#pragma unroll
	for (__u32 i = 0; i < BACKENDS; i++) {
		if (i == BACKENDS - 1 || chosen % 1024 < (i + 1) * 1024 / BACKENDS) {
			__u32 backend = 0x0a | (mix(service * BACKENDS + i) & 0xffffff00);

			ip->check = fix(ip->check, ip->dst, backend);
			ip->dst = backend;
			eth->dst[5] = i;
			eth->src[5] = service;
			break;
		}
	}
	__sync_fetch_and_add(&served[service], 1);
	return XDP_TX;
}

SEC("xdp")
int balancer(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;

	HEADER_OR_RETURN(struct eth_hdr, eth, data, end, XDP_PASS);
	if (eth->proto != bpf_htons(ETH_P_IP))
		return XDP_PASS;
	HEADER_OR_RETURN(struct ipv4_hdr, ip, eth + 1, end, XDP_PASS);
	HEADER_OR_RETURN(struct udp_hdr, l4, ip + 1, end, XDP_PASS);
	__u32 hash = mix(ip->src ^ mix(l4->src | (__u32)l4->dst << 16));
	__u32 wanted = ip->dst;

	/* in line by the preprocessor: loops of this size are not unrolled */
#define SERVICE(i) \
	if (wanted == mix((i) + 7777) || (i) == SERVICES - 1 || hash % 4096 < ((i) + 1) * 4096 / SERVICES) \
		return forward(eth, ip, i, hash);
#define SERVICES_4(i) SERVICE(i) SERVICE((i) + 1) SERVICE((i) + 2) SERVICE((i) + 3)
#define SERVICES_16(i) SERVICES_4(i) SERVICES_4((i) + 4) SERVICES_4((i) + 8) SERVICES_4((i) + 12)
	SERVICES_16(0) SERVICES_16(16) SERVICES_16(32) SERVICES_16(48) SERVICES_16(64) SERVICES_16(80)
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";

/*
 * Sends a UDP packet back: MAC addresses swapped, one bit of the type of
 * service turned over and the checksum corrected for it (RFC 1624).
 */
#include "../programs/packet.h"

SEC("xdp")
int swap(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;

	HEADER_OR_RETURN(struct eth_hdr, eth, data, end, XDP_PASS);
	if (eth->proto != bpf_htons(ETH_P_IP))
		return XDP_PASS;
	HEADER_OR_RETURN(struct ipv4_hdr, ip, eth + 1, end, XDP_PASS);
	if (ip->proto != IPPROTO_UDP)
		return XDP_PASS;

	for (int i = 0; i < 6; i++) {
		__u8 byte = eth->dst[i];
		eth->dst[i] = eth->src[i];
		eth->src[i] = byte;
	}
	__u16 before = *(__u16 *)ip;
	ip->tos ^= 4;
	ip->check = csum_fold((__u32)(__u16)~ip->check + (__u16)~before + *(__u16 *)ip);
	return XDP_TX;
}

char LICENSE[] SEC("license") = "GPL";

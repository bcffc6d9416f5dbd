/*
 * A tunnel's two ends (RFC 2003): ipip_encap wraps IPv4 packets that are no
 * tunnel yet into an outer IPv4 header towards 192.0.2.2, with its checksum by
 * bpf_csum_diff, and sends them back out (XDP_TX); ipip_decap unwraps.
 */
#include "packet.h"

const volatile __u32 tunnel_src = 0xc0000201; /* 192.0.2.1 */
const volatile __u32 tunnel_dst = 0xc0000202; /* 192.0.2.2 */

__u64 packets[3]; /* untouched, wrapped, unwrapped */
__u16 next_id;

SEC("xdp")
int ipip_encap(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;
	struct eth_hdr mac;

	HEADER_OR_RETURN(struct eth_hdr, eth, data, end, XDP_PASS);
	if (eth->proto != bpf_htons(ETH_P_IP))
		goto untouched;
	struct ipv4_hdr *inner = (void *)(eth + 1);
	if ((void *)(inner + 1) > end || inner->proto == IPPROTO_IPIP)
		goto untouched;

	__u8 tos = inner->tos;
	__u16 inner_len = bpf_ntohs(inner->total_len);
	__builtin_memcpy(&mac, eth, sizeof(mac));
	if (bpf_xdp_adjust_head(ctx, -(int)sizeof(struct ipv4_hdr)))
		return XDP_ABORTED;

	data = (void *)(long)ctx->data;
	end = (void *)(long)ctx->data_end;
	eth = data;
	struct ipv4_hdr *outer = (void *)(eth + 1);
	if ((void *)(outer + 1) > end)
		return XDP_ABORTED;

	__builtin_memcpy(eth->dst, mac.src, 6);
	__builtin_memcpy(eth->src, mac.dst, 6);
	eth->proto = bpf_htons(ETH_P_IP);
	outer->version_ihl = 0x45;
	outer->tos = tos;
	outer->total_len = bpf_htons(inner_len + sizeof(*outer));
	outer->id = bpf_htons(next_id++);
	outer->frag_off = 0;
	outer->ttl = 64;
	outer->proto = IPPROTO_IPIP;
	outer->check = 0;
	outer->src = bpf_htonl(tunnel_src);
	outer->dst = bpf_htonl(tunnel_dst);
	outer->check = csum_fold(bpf_csum_diff(0, 0, (__be32 *)outer, sizeof(*outer), 0));
	packets[1]++;
	return XDP_TX;

untouched:
	packets[0]++;
	return XDP_PASS;
}

SEC("xdp")
int ipip_decap(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;
	struct eth_hdr mac;

	HEADER_OR_RETURN(struct eth_hdr, eth, data, end, XDP_PASS);
	struct ipv4_hdr *outer = (void *)(eth + 1);
	if (eth->proto != bpf_htons(ETH_P_IP) || (void *)(outer + 1) > end || outer->proto != IPPROTO_IPIP ||
	    outer->version_ihl != 0x45) {
		packets[0]++;
		return XDP_PASS;
	}
	__builtin_memcpy(&mac, eth, sizeof(mac));
	if (bpf_xdp_adjust_head(ctx, sizeof(struct ipv4_hdr)))
		return XDP_ABORTED;
	data = (void *)(long)ctx->data;
	end = (void *)(long)ctx->data_end;
	eth = data;
	if ((void *)(eth + 1) > end)
		return XDP_ABORTED;
	__builtin_memcpy(eth, &mac, sizeof(mac));
	packets[2]++;
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";

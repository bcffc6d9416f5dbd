/*
 * Clamps the maximum segment size of TCP connections to what a tunnel leaves,
 * in SYN packets of IPv4 and IPv6, by walking the options; corrects the
 * checksum (RFC 879, RFC 1624).
 */
#include "app.h"

const volatile __u16 mss4 = 1400;
const volatile __u16 mss6 = 1380;

struct histogram {
	__u64 seen[16];
};

struct histogram announced; /* by the announced size / 1024 */
__u64 clamped, without_option, malformed;

static __always_inline int clamp(void *data, void *end, __u32 off, __u16 limit)
{
	struct tcp_hdr *tcp = data + off;
	__u32 length, at = sizeof(*tcp);

	if ((void *)(tcp + 1) > end)
		return -1;
	if (!(tcp->flags & TCP_SYN))
		return 0;
	length = (tcp->data_off >> 4) * 4;
	for (int i = 0; i < 12; i++) {
		__u8 *option = (void *)tcp + at;

		if (at + 4 > length || at > 56)
			break;
		if ((void *)(option + 4) > end)
			return -1;
		if (option[0] == 0)
			break;
		if (option[0] == 1) {
			at++;
			continue;
		}
		if (option[1] < 2)
			return -1;
		if (option[0] == 2 && option[1] == 4) {
			__be16 *field = (void *)(option + 2);
			__u16 mss = bpf_ntohs(*field);

			__sync_fetch_and_add(&announced.seen[mss >> 10 & 15], 1);
			if (mss <= limit)
				return 0;
			if (at & 1) {
				/* the field covers halves of two words of the checksum */
				tcp->check = csum_replace2(tcp->check, bpf_htons(mss << 8 | mss >> 8),
							   bpf_htons((__u16)(limit << 8 | limit >> 8)));
			} else {
				tcp->check = csum_replace2(tcp->check, *field, bpf_htons(limit));
			}
			*field = bpf_htons(limit);
			__sync_fetch_and_add(&clamped, 1);
			return 1;
		}
		at += option[1];
	}
	__sync_fetch_and_add(&without_option, 1);
	return 0;
}

SEC("xdp")
int mss_clamp(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	__be16 proto;
	__u16 vlan;
	int off = skip_eth(data, end, &proto, &vlan), result = 0;

	if (off < 0)
		return XDP_PASS;
	if (proto == bpf_htons(ETH_P_IP)) {
		struct ipv4_hdr *ip = data + off;

		if ((void *)(ip + 1) > end)
			return XDP_PASS;
		if (ip->proto == IPPROTO_TCP && !(ip->frag_off & bpf_htons(IP_OFFSET_MASK)))
			result = clamp(data, end, off + (ip->version_ihl & 15) * 4, mss4);
	} else if (proto == bpf_htons(ETH_P_IPV6)) {
		struct ipv6_hdr *ip6 = data + off;

		if ((void *)(ip6 + 1) > end)
			return XDP_PASS;
		if (ip6->next_hdr == IPPROTO_TCP)
			result = clamp(data, end, off + sizeof(*ip6), mss6);
	}
	if (result < 0)
		__sync_fetch_and_add(&malformed, 1);
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";

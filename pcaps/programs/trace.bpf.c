/*
 * bpf_printk in all its forms: up to three arguments (bpf_trace_printk), more
 * (bpf_trace_vprintk), and the formats of the kernel. The first 64 packets
 * say something, the others are silent. Formats that the kernel does not take
 * give -22 (EINVAL) and print nothing.
 */
#include "packet.h"

__u32 seen;
__s64 lengths[2]; /* what bpf_printk returned: the characters, with the end of the line and a zero byte */
__s64 errors[3];

SEC("xdp")
int trace(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;
	__u32 n = seen++;

	if (n >= 64)
		return XDP_PASS;
	HEADER_OR_RETURN(struct eth_hdr, eth, data, end, XDP_ABORTED);
	__u16 proto = bpf_ntohs(eth->proto);

	lengths[0] += bpf_printk("packet %u: %d bytes, proto 0x%04x", n, (int)(end - data), proto);
	if (proto == ETH_P_IP) {
		HEADER_OR_RETURN(struct ipv4_hdr, ip, eth + 1, end, XDP_PASS);
		__u8 last = ip->proto;
		lengths[1] += bpf_printk("%pI4 > %pI4 proto %-4u|%5u|%05x ttl %i %c%%", &ip->src, &ip->dst, last,
					 bpf_ntohs(ip->total_len), bpf_ntohs(ip->id), ip->ttl, '!');
	} else if (proto == ETH_P_IPV6) {
		HEADER_OR_RETURN(struct ipv6_hdr, ip6, eth + 1, end, XDP_PASS);
		struct ipv6_hdr copy = *ip6;
		bpf_printk("%pI6c > %pI6", copy.src, copy.dst);
	} else {
		static const char name[] = "neither";
		bpf_printk("%s IPv4 nor IPv6: %lld %llx", name, -(long long)n, 0xffffffffffffffffULL - n);
	}
	if (n % 16 == 0)
		bpf_printk("sixteen more");
	errors[0] += bpf_printk("a byte: %hhu", n);
	errors[1] += bpf_printk("%d %d %d %d and a %", n, n, n, n);
	static const char four[] = "%d %d %d %d";
	errors[2] += bpf_trace_printk(four, sizeof(four), n, n, n);
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";

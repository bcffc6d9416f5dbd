/*
 * The first program of everyone: counts packets in a global variable (in .bss),
 * says so in the trace, and passes them.
 */
#include "packet.h"

int counter = 0;

SEC("xdp")
int hello(struct xdp_md *ctx)
{
	bpf_printk("Hello World %d", counter);
	counter++;
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";

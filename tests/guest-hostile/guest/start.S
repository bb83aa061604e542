/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* start: from the PVH entry (32 bits, no paging) to C in long mode, the other CPUs' way there, and the stubs of the exceptions. */

	.section .note.pvh, "a", @note
	.balign 4
	.long 4, 4, 18 /* XEN_ELFNOTE_PHYS32_ENTRY */
	.asciz "Xen"
	.long start32

	.section .text.start, "ax"
	.code32
	.globl start32
start32:
	cli
	cld
	movl %ebx, boot_info
	movl $page_directories, %edi
	movl $0x83, %eax
	movl $2048, %ecx
1:	movl %eax, (%edi)
	addl $0x200000, %eax
	addl $8, %edi
	loop 1b
	movl $page_directories + 3, %eax
	movl %eax, page_pointers
	addl $4096, %eax
	movl %eax, page_pointers + 8
	addl $4096, %eax
	movl %eax, page_pointers + 16
	addl $4096, %eax
	movl %eax, page_pointers + 24
	movl $page_pointers + 3, page_root
	movl $first_stack_end, %esp
	movl $first_cpu, %ebx
	/* %ebx: where to go, %esp: a stack. */
enter_long:
	lgdt gdt_pointer
	movl %cr4, %eax
	orl $0x20, %eax /* PAE */
	movl %eax, %cr4
	movl $page_root, %eax
	movl %eax, %cr3
	movl $0xc0000080, %ecx
	rdmsr
	orl $0x100, %eax /* LME */
	wrmsr
	movl %cr0, %eax
	orl $0x80000001, %eax
	movl %eax, %cr0
	ljmp $8, $in_long

	.code64
in_long:
	movl $16, %eax
	movl %eax, %ds
	movl %eax, %es
	movl %eax, %ss
	xorl %eax, %eax
	movl %eax, %fs
	movl %eax, %gs
	movl %esp, %esp
	movl %ebx, %ebx
	lidt idt_pointer(%rip)
	call *%rbx
1:	hlt
	jmp 1b

/* Copied to 0x8000, where a start-up interrupt begins in real mode. */
	.globl trampoline, trampoline_end
	.code16
trampoline:
	cli
	xorw %ax, %ax
	movw %ax, %ds
	lgdtl 0x8000 + (trampoline_gdt - trampoline)
	movl %cr0, %eax
	orl $1, %eax
	movl %eax, %cr0
	ljmpl $24, $other32
	.balign 8
trampoline_gdt:
	.word gdt_end - gdt - 1
	.long gdt
trampoline_end:

	.section .text.start
	.code32
other32:
	movl $16, %eax
	movl %eax, %ds
	movl %eax, %es
	movl %eax, %ss
	movl other_stack, %esp
	movl $other_cpu, %ebx
	jmp enter_long

	.code64
	.altmacro
	.macro vector n
vector_\n:
	.if (\n != 8) && (\n != 10) && (\n != 11) && (\n != 12) && (\n != 13) && (\n != 14) && (\n != 17)
	pushq $0
	.endif
	pushq $\n
	jmp on_vector
	.endm
	.macro vector_address n
	.quad vector_\n
	.endm
	.set i, 0
	.rept 32
	vector %i
	.set i, i + 1
	.endr
on_vector:
	popq %rdi /* vector */
	popq %rsi /* error code */
	movq (%rsp), %rdx
	call on_exception
1:	hlt
	jmp 1b

	.section .rodata
	.globl vectors
	.balign 8
vectors:
	.set i, 0
	.rept 32
	vector_address %i
	.set i, i + 1
	.endr

	.section .data
	.globl boot_info, other_stack
boot_info:
	.long 0
other_stack:
	.long 0
	.balign 8
gdt:
	.quad 0
	.quad 0x00af9b000000ffff /* 8: 64-bit code */
	.quad 0x00cf93000000ffff /* 16: data */
	.quad 0x00cf9b000000ffff /* 24: 32-bit code */
gdt_end:
gdt_pointer:
	.word gdt_end - gdt - 1
	.long gdt
	.balign 8
	.globl idt_pointer
idt_pointer:
	.word 32 * 16 - 1
	.quad idt

	.section .bss
	.globl page_pointers, idt
	.balign 4096
page_root:
	.skip 4096
page_pointers:
	.skip 4096
page_directories:
	.skip 4 * 4096
idt:
	.skip 4096
first_stack:
	.skip 32768
first_stack_end:
	.section .note.GNU-stack, "", @progbits

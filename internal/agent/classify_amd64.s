#include "textflag.h"

// What a byte's low and high four bits allow; it may follow a backslash if both agree:
// 1: 22 2f, 2: 5c, 4: 62 66 6e, 8: 72 74.
DATA low<>+0(SB)/8, $0x00040008000d0000
DATA low<>+8(SB)/8, $0x0104000200000000
GLOBL low<>(SB), RODATA|NOPTR, $16
DATA high<>+0(SB)/8, $0x0804020000010000
DATA high<>+8(SB)/8, $0x0000000000000000
GLOBL high<>(SB), RODATA|NOPTR, $16
DATA quote<>+0(SB)/1, $0x22
GLOBL quote<>(SB), RODATA|NOPTR, $1
DATA backslash<>+0(SB)/1, $0x5c
GLOBL backslash<>(SB), RODATA|NOPTR, $1
DATA control<>+0(SB)/1, $0x1f
GLOBL control<>(SB), RODATA|NOPTR, $1
DATA nibble<>+0(SB)/1, $0x0f
GLOBL nibble<>(SB), RODATA|NOPTR, $1

// Two times 32 bytes become a word of bits at an offset of out.
#define STORE(first, second, offset) \
	VPMOVMSKB first, AX  \
	VPMOVMSKB second, BX \
	SHLQ $32, BX         \
	ORQ  BX, AX          \
	MOVQ AX, offset(DI)

// func classify(out *classes, text *byte, blocks int)
TEXT ·classify(SB), NOSPLIT, $0-24
	MOVQ out+0(FP), DI
	MOVQ text+8(FP), SI
	MOVQ blocks+16(FP), CX
	VPBROADCASTB quote<>(SB), Y15
	VPBROADCASTB backslash<>(SB), Y14
	VPBROADCASTB control<>(SB), Y13
	VPBROADCASTB nibble<>(SB), Y12
	VBROADCASTI128 low<>(SB), Y11
	VBROADCASTI128 high<>(SB), Y10
	VPXOR Y9, Y9, Y9
	TESTQ CX, CX
	JLE   done

block:
	VMOVDQU (SI), Y0
	VMOVDQU 32(SI), Y1

	VPCMPEQB Y15, Y0, Y2
	VPCMPEQB Y15, Y1, Y3
	STORE(Y2, Y3, 0)

	VPCMPEQB Y14, Y0, Y2
	VPCMPEQB Y14, Y1, Y3
	STORE(Y2, Y3, 8)

	VPMINUB  Y13, Y0, Y2
	VPMINUB  Y13, Y1, Y3
	VPCMPEQB Y0, Y2, Y2
	VPCMPEQB Y1, Y3, Y3
	STORE(Y2, Y3, 16)

	// A shuffle takes the low four bits of a byte, and gives 0 where its highest is set.
	VPSHUFB  Y0, Y11, Y2
	VPSHUFB  Y1, Y11, Y3
	VPSRLW   $4, Y0, Y4
	VPSRLW   $4, Y1, Y5
	VPAND    Y12, Y4, Y4
	VPAND    Y12, Y5, Y5
	VPSHUFB  Y4, Y10, Y4
	VPSHUFB  Y5, Y10, Y5
	VPAND    Y4, Y2, Y2
	VPAND    Y5, Y3, Y3
	VPCMPEQB Y9, Y2, Y2
	VPCMPEQB Y9, Y3, Y3
	VPMOVMSKB Y2, AX
	VPMOVMSKB Y3, BX
	SHLQ $32, BX
	ORQ  BX, AX
	NOTQ AX
	MOVQ AX, 24(DI)

	ADDQ $64, SI
	ADDQ $32, DI
	DECQ CX
	JNZ  block

done:
	VZEROUPPER
	RET

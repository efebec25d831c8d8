#pragma once

#include <llvm/IR/IRBuilder.h>

#include "backend/cpu/codegen/machine.h"
#include "kernel/expr.h"

namespace tempera::cpu {

// a * b + c: rounded once where the target has the instruction, twice where it has not.
llvm::Value* multiply_add(llvm::IRBuilder<>& b, const Features& features, llvm::Value* x,
                          llvm::Value* y, llvm::Value* z);

// exp, exp2, exp2_bf16, log, sin, cos, tanh or erf of f32 (any lanes) as plain arithmetic without
// branches or calls: within 4 ulp, and 1e-6 absolute for tanh and erf. sin and cos hold it for |x|
// up to 1e6; beyond, the error grows with |x| and the result stays within [-1, 1]. Infinities, NaN,
// overflow and subnormal results are IEEE's.
llvm::Value* expand_math(llvm::IRBuilder<>& b, const Features& features,
                         kernel::Intrinsic intrinsic, llvm::Value* x);

}  // namespace tempera::cpu

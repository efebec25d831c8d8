#pragma once

#include <llvm/IR/IRBuilder.h>

#include "backend/cpu/codegen/machine.h"
#include "kernel/type.h"

namespace tempera::cpu {

// How values are held: f16 and bf16 as their bits in i16, bool as i1, the rest as LLVM's own types.
llvm::Type* value_type(llvm::LLVMContext& context, kernel::Type type);
// How they lie in memory: bool is a byte.
llvm::Type* memory_type(llvm::LLVMContext& context, kernel::Type type);

// A cast as the kernel IR defines it. `to` has the lanes of `from`.
llvm::Value* convert(llvm::IRBuilder<>& b, const Features& features, llvm::Value* x,
                     kernel::Type from, kernel::Type to);

}  // namespace tempera::cpu

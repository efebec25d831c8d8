#pragma once

#include <llvm/IR/Module.h>

#include <memory>

#include "backend/cpu/codegen/machine.h"
#include "kernel/kernel.h"

namespace tempera::cpu {

// Prints a legalized kernel as an LLVM module with one exported function
//   void name(void* const* buffers, void* scratch, int64_t begin, int64_t end)
// that runs iterations begin..end of the flattened grid. Written buffers and scratch are aligned to
// 64 bytes, buffers that are only read to their elements' size. may_alias: some written parameter
// may be bound to another's memory.
std::unique_ptr<llvm::Module> print(const kernel::Kernel& kernel, const Target& target,
                                    const Features& features, bool may_alias,
                                    llvm::LLVMContext& context);

}  // namespace tempera::cpu

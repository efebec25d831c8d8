#include "backend/cpu/codegen/print.h"

#include <llvm/IR/Function.h>

#include "backend/cpu/codegen/printer.h"

namespace tempera::cpu {
namespace {

using llvm::Value;

constexpr uint64_t kBufferAlignment = 64;

void describe(llvm::Function& function, const Target& target) {
  function.addFnAttr(llvm::Attribute::NoUnwind);
  function.addFnAttr("target-cpu", target.cpu);
  if (!target.features.empty()) function.addFnAttr("target-features", target.features);
  const std::string bits = std::to_string(8 * target.vector_bytes);
  function.addFnAttr("prefer-vector-width", bits);
  function.addFnAttr("min-legal-vector-width", bits);
}

// void body(buffers..., scratch, begin, end): LLVM takes what parameters may alias only from
// parameters, not from pointers that are loaded.
llvm::Function* declare_body(llvm::Module& module, const kernel::Kernel& kernel, bool may_alias) {
  llvm::LLVMContext& context = module.getContext();
  const size_t pointers = kernel.parameters.size() + 1;
  std::vector<llvm::Type*> types(pointers, llvm::PointerType::getUnqual(context));
  types.resize(pointers + 2, llvm::Type::getInt64Ty(context));
  auto* type = llvm::FunctionType::get(llvm::Type::getVoidTy(context), types, false);
  auto* function =
      llvm::Function::Create(type, llvm::Function::InternalLinkage, kernel.name + ".body", module);
  function->addFnAttr(llvm::Attribute::NoInline);
  for (unsigned i = 0; i < pointers; ++i) {
    // What is only read may be a weight where its file has it, at any multiple of its elements'
    // size.
    const bool aligned = i + 1 == pointers || kernel.parameters[i]->written;
    const auto align = llvm::Align(aligned ? kBufferAlignment : 1);
    function->addParamAttr(i, llvm::Attribute::getWithAlignment(context, align));
    if (!may_alias || i + 1 == pointers) function->addParamAttr(i, llvm::Attribute::NoAlias);
    if (i + 1 == pointers) continue;
    if (!kernel.parameters[i]->written) function->addParamAttr(i, llvm::Attribute::ReadOnly);
    function->getArg(i)->setName(kernel.parameters[i]->name);
  }
  return function;
}

void print_body(llvm::Function& function, const kernel::Kernel& kernel, const Features& features) {
  auto* entry = llvm::BasicBlock::Create(function.getContext(), "entry", &function);
  auto* start = llvm::BasicBlock::Create(function.getContext(), "start", &function);
  llvm::IRBuilder<> b(start);
  Printer printer{.b = b, .features = features, .scratch_layout = layout_scratch(kernel)};
  printer.entry = entry;
  printer.learn_ranges(kernel.body);
  const auto count = static_cast<unsigned>(kernel.parameters.size());
  for (unsigned i = 0; i < count; ++i)
    printer.buffers[kernel.parameters[i].get()] = function.getArg(i);
  printer.scratch = function.getArg(count);
  printer.root(kernel.body, function.getArg(count + 1), function.getArg(count + 2));
  b.CreateRetVoid();
  llvm::IRBuilder<>(entry).CreateBr(start);
}

llvm::Function* print_entry_point(llvm::Module& module, const kernel::Kernel& kernel,
                                  llvm::Function* body) {
  llvm::LLVMContext& context = module.getContext();
  llvm::Type* pointer = llvm::PointerType::getUnqual(context);
  llvm::Type* i64 = llvm::Type::getInt64Ty(context);
  auto* type =
      llvm::FunctionType::get(llvm::Type::getVoidTy(context), {pointer, pointer, i64, i64}, false);
  auto* function =
      llvm::Function::Create(type, llvm::Function::ExternalLinkage, kernel.name, module);
  llvm::IRBuilder<> b(llvm::BasicBlock::Create(context, "entry", function));
  std::vector<Value*> args;
  for (uint64_t i = 0; i < kernel.parameters.size(); ++i)
    args.push_back(
        b.CreateLoad(pointer, b.CreateConstInBoundsGEP1_64(pointer, function->getArg(0), i)));
  for (unsigned i = 1; i < 4; ++i) args.push_back(function->getArg(i));
  b.CreateCall(body, args);
  b.CreateRetVoid();
  return function;
}

}  // namespace

std::unique_ptr<llvm::Module> print(const kernel::Kernel& kernel, const Target& target,
                                    const Features& features, bool may_alias,
                                    llvm::LLVMContext& context) {
  auto module = std::make_unique<llvm::Module>(kernel.name, context);
  llvm::Function* body = declare_body(*module, kernel, may_alias);
  print_body(*body, kernel, features);
  describe(*body, target);
  describe(*print_entry_point(*module, kernel, body), target);
  return module;
}

}  // namespace tempera::cpu

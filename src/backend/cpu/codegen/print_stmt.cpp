#include <llvm/IR/Function.h>

#include "backend/cpu/codegen/printer.h"

namespace tempera::cpu {

using kernel::Expr;
using kernel::LoopKind;
using kernel::Stmt;
using kernel::StmtKind;
using kernel::StmtNode;
using llvm::BasicBlock;
using llvm::Value;

void Printer::statement(const Stmt& s) {
  memo.clear();
  switch (s->kind) {
    case StmtKind::block:
      for (const Stmt& child : s->body) statement(child);
      break;
    case StmtKind::loop:
      s->loop_kind == LoopKind::unrolled ? print_unrolled(*s) : print_loop(*s);
      break;
    case StmtKind::branch:
      print_branch(*s);
      break;
    case StmtKind::let:
      print_let(*s);
      break;
    case StmtKind::store:
      print_store(*s);
      break;
    case StmtKind::allocate:
      print_allocate(*s);
      break;
    case StmtKind::barrier:
      CHECK(false, "a barrier after legalisation");
  }
  memo.clear();
}

void Printer::bind(const Expr& variable, Value* i) {
  indices[variable.get()] = i;
  memo.clear();
}

void Printer::count(Value* begin, Value* end, const std::string& name,
                    const std::function<void(Value*)>& body) {
  llvm::Function* function = b.GetInsertBlock()->getParent();
  BasicBlock* before = b.GetInsertBlock();
  BasicBlock* loop = BasicBlock::Create(b.getContext(), name, function);
  BasicBlock* after = BasicBlock::Create(b.getContext(), name + ".end", function);
  b.CreateCondBr(b.CreateICmpSLT(begin, end), loop, after);
  b.SetInsertPoint(loop);
  llvm::PHINode* i = b.CreatePHI(b.getInt64Ty(), 2, name);
  i->addIncoming(begin, before);
  body(i);
  Value* next = b.CreateNSWAdd(i, b.getInt64(1));
  i->addIncoming(next, b.GetInsertBlock());
  b.CreateCondBr(b.CreateICmpSLT(next, end), loop, after);
  b.SetInsertPoint(after);
}

void Printer::print_loop(const StmtNode& s) {
  Value* begin = index(s.begin);
  Value* end = b.CreateNSWAdd(begin, index(s.extent));
  const int64_t* extent = as_int(s.extent);
  if (extent && *extent <= 0) return;
  const auto body = [&](Value* i) {
    bind(s.variable, i);
    statement(s.body[0]);
  };
  if (extent && *extent == 1) return body(begin);
  count(begin, end, s.variable->name, body);
}

// The counter is a constant in each copy, and the builder folds what is made of it.
void Printer::print_unrolled(const StmtNode& s) {
  const int64_t* extent = as_int(s.extent);
  CHECK(extent, "unrolled loop {} has no constant extent", s.variable->name);
  Value* begin = index(s.begin);
  for (int64_t i = 0; i < *extent; ++i) {
    Value* step = b.getInt64(static_cast<uint64_t>(i));
    bind(s.variable, b.CreateNSWAdd(begin, step));
    statement(s.body[0]);
  }
}

void Printer::print_branch(const StmtNode& s) {
  Value* condition = value(s.condition);
  llvm::Function* function = b.GetInsertBlock()->getParent();
  BasicBlock* after = BasicBlock::Create(b.getContext(), "join", function);
  const auto arm = [&](const char* name, size_t i) {
    if (i >= s.body.size()) return after;
    return BasicBlock::Create(b.getContext(), name, function, after);
  };
  BasicBlock* blocks[] = {arm("then", 0), arm("else", 1)};
  b.CreateCondBr(condition, blocks[0], blocks[1]);
  for (size_t i = 0; i < s.body.size(); ++i) {
    b.SetInsertPoint(blocks[i]);
    statement(s.body[i]);
    b.CreateBr(after);
  }
  b.SetInsertPoint(after);
}

void Printer::print_let(const StmtNode& s) {
  if (s.value->type == kernel::Type{}) {
    bind(s.variable, index(s.value));
  } else {
    values[s.variable.get()] = value(s.value);
  }
  statement(s.body[0]);
}

void Printer::print_allocate(const StmtNode& s) {
  const kernel::BufferNode& buffer = *s.buffer;
  if (buffer.space == kernel::Space::workgroup) {
    const int64_t offset = scratch_layout.offsets.at(&buffer);
    buffers[&buffer] =
        b.CreateConstInBoundsGEP1_64(b.getInt8Ty(), scratch, static_cast<uint64_t>(offset));
  } else {
    llvm::IRBuilder<> at_entry(entry, entry->begin());
    llvm::Type* element = memory_type(b.getContext(), buffer.type.element());
    const int64_t elements = buffer.size * buffer.type.lanes;
    auto* array = at_entry.CreateAlloca(
        llvm::ArrayType::get(element, static_cast<uint64_t>(elements)), nullptr, buffer.name);
    array->setAlignment(llvm::Align(64));
    buffers[&buffer] = array;
  }
  statement(s.body[0]);
}

void Printer::root(const Stmt& body, Value* begin, Value* end) {
  std::vector<const StmtNode*> nest;
  const Stmt* inner = &body;
  for (; (*inner)->kind == StmtKind::loop && (*inner)->loop_kind == LoopKind::grid;
       inner = &(*inner)->body[0])
    nest.push_back(inner->get());
  if (!nest.empty()) return print_grid(nest, *inner, begin, end);
  count(begin, end, "run", [&](Value*) { statement(*inner); });
}

// Takes the flat counter apart once for each run along the innermost grid variable, so that within
// a run addresses are linear:
//   for (g = begin; g < end; g += run) { split g; run = min(extent - first, end - g); for (first
//   ..) }
void Printer::print_grid(const std::vector<const StmtNode*>& nest, const Stmt& body, Value* begin,
                         Value* end) {
  llvm::Function* function = b.GetInsertBlock()->getParent();
  BasicBlock* before = b.GetInsertBlock();
  BasicBlock* head = BasicBlock::Create(b.getContext(), "grid", function);
  BasicBlock* after = BasicBlock::Create(b.getContext(), "grid.end", function);
  b.CreateCondBr(b.CreateICmpSLT(begin, end), head, after);
  b.SetInsertPoint(head);
  llvm::PHINode* flat = b.CreatePHI(b.getInt64Ty(), 2, "flat");
  flat->addIncoming(begin, before);

  Value* rest = flat;
  std::vector<Value*> parts(nest.size());
  for (size_t i = nest.size(); i-- > 0;) {
    Value* extent = index(nest[i]->extent);
    parts[i] = i == 0 ? rest : b.CreateURem(rest, extent);
    if (i > 0) rest = b.CreateUDiv(rest, extent);
  }
  for (size_t i = 0; i + 1 < nest.size(); ++i)
    bind(nest[i]->variable, b.CreateNSWAdd(parts[i], index(nest[i]->begin)));
  const StmtNode& last = *nest.back();
  Value* first = b.CreateNSWAdd(parts.back(), index(last.begin));
  Value* run = b.CreateBinaryIntrinsic(llvm::Intrinsic::smin,
                                       b.CreateNSWSub(index(last.extent), parts.back()),
                                       b.CreateNSWSub(end, flat));
  count(first, b.CreateNSWAdd(first, run), last.variable->name, [&](Value* i) {
    bind(last.variable, i);
    statement(body);
  });
  Value* next = b.CreateNSWAdd(flat, run);
  flat->addIncoming(next, b.GetInsertBlock());
  b.CreateCondBr(b.CreateICmpSLT(next, end), head, after);
  b.SetInsertPoint(after);
}

}  // namespace tempera::cpu

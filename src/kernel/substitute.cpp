#include "kernel/substitute.h"

#include "kernel/mutate.h"

namespace tempera::kernel {
namespace {

class Substituter : public Mutator {
 public:
  explicit Substituter(const Substitution& replacements) : replacements_(replacements) {}

 protected:
  using Mutator::visit;
  Expr visit(const Expr& e) override {
    const auto found = replacements_.find(e.get());
    return found == replacements_.end() ? Mutator::visit(e) : found->second;
  }

 private:
  const Substitution& replacements_;
};

}  // namespace

Expr substitute(const Expr& e, const Substitution& replacements) {
  return Substituter(replacements).mutate(e);
}

Stmt substitute(const Stmt& s, const Substitution& replacements) {
  return Substituter(replacements).mutate(s);
}

}  // namespace tempera::kernel

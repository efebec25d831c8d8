#include "diffusion/prompt/byte_pair.h"

#include <algorithm>
#include <limits>
#include <queue>
#include <tuple>

#include "base/text.h"
#include "diffusion/prompt/utf8.h"

namespace tempera::diffusion {
namespace {

constexpr std::string_view kEndOfWord = "</w>";
constexpr int32_t kMaxId = std::numeric_limits<int32_t>::max();

// The printable stand-in of each byte value, as GPT-2's vocabularies write them: printable Latin-1
// stands for itself, the others are numbered from U+0100.
std::array<std::string, 256> byte_symbols() {
  std::array<std::string, 256> symbols;
  char32_t extra = 256;
  for (char32_t byte = 0; byte < 256; ++byte) {
    const bool printable =
        (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
    const char32_t symbol = printable ? byte : extra++;
    symbols[byte] = to_utf8({&symbol, 1});
  }
  return symbols;
}

uint64_t pair_key(int32_t left, int32_t right) {
  return static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32 | static_cast<uint32_t>(right);
}

// One symbol of a word while its pairs are merged; a doubly linked list by index.
struct Symbol {
  int32_t id;
  int32_t previous;
  int32_t next;
  bool gone = false;
};

// A pair that could merge: the lowest rank first, then the leftmost.
struct Candidate {
  int32_t rank;
  int32_t position;
  int32_t id;
  bool operator>(const Candidate& other) const {
    return std::tie(rank, position) > std::tie(other.rank, other.position);
  }
};

Result<BytePairs::Vocabulary> read_vocabulary(const Json& vocab, std::string_view where) {
  if (!vocab.is_object())
    return error(ErrorCode::data_loss, "{}/vocab.json: not a JSON object of tokens", where);
  BytePairs::Vocabulary vocabulary;
  vocabulary.reserve(vocab.size());
  for (const auto& [token, id] : vocab.items()) {
    const std::optional<int32_t> number = read_token_id(id);
    if (!number)
      return error(ErrorCode::data_loss, "{}/vocab.json: the id of {} is not a number of 31 bits",
                   where, quote(token));
    vocabulary.emplace(token, *number);
  }
  return vocabulary;
}

}  // namespace

std::optional<int32_t> read_token_id(const Json& json) {
  if (!json.is_number_integer()) return std::nullopt;
  const bool huge = json.is_number_unsigned() && json.get<uint64_t>() > uint64_t{kMaxId};
  if (huge || json.get<int64_t>() < 0 || json.get<int64_t>() > kMaxId) return std::nullopt;
  return json.get<int32_t>();
}

Result<BytePairs> BytePairs::make(const Json& vocab, std::string_view merges,
                                  std::string_view unknown_token, std::string_view where) {
  ASSIGN_OR_RETURN(Vocabulary vocabulary, read_vocabulary(vocab, where));
  return make(std::move(vocabulary), merges, unknown_token, where);
}

Result<BytePairs> BytePairs::make(Vocabulary vocabulary, std::string_view merges,
                                  std::string_view unknown_token, std::string_view where) {
  BytePairs pairs;
  pairs.vocabulary_ = std::move(vocabulary);
  const std::optional<int32_t> unknown = pairs.find(std::string(unknown_token));
  if (!unknown)
    return error(ErrorCode::data_loss, "{}/vocab.json: no token {}", where, quote(unknown_token));
  const std::array<std::string, 256> symbols = byte_symbols();
  for (size_t byte = 0; byte < symbols.size(); ++byte) {
    pairs.inner_[byte] = pairs.find(symbols[byte]).value_or(*unknown);
    pairs.last_[byte] = pairs.find(symbols[byte] + std::string(kEndOfWord)).value_or(*unknown);
  }
  TRY(pairs.add_merges(merges, where));
  return pairs;
}

Status BytePairs::add_merges(std::string_view merges, std::string_view where) {
  if (merges.starts_with("#version"))
    merges.remove_prefix(std::min(merges.find('\n'), merges.size()));
  merges_.reserve(static_cast<size_t>(std::ranges::count(merges, '\n')));
  int32_t rank = 0;
  while (!merges.empty()) {
    const size_t end = std::min(merges.find('\n'), merges.size());
    std::string_view line = merges.substr(0, end);
    merges.remove_prefix(std::min(end + 1, merges.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (!line.empty()) TRY(add_merge(line, rank++, where));
  }
  return {};
}

Status BytePairs::add_merge(std::string_view line, int32_t rank, std::string_view where) {
  const size_t space = line.find(' ');
  if (space == std::string_view::npos || line.find(' ', space + 1) != std::string_view::npos)
    return error(ErrorCode::data_loss, "{}/merges.txt: merge {} is {}, not two tokens", where,
                 rank + 1, quote(line));
  const std::string left(line.substr(0, space));
  const std::string right(line.substr(space + 1));
  int32_t ids[3] = {};
  int32_t* to = ids;
  for (const std::string& token : {left, right, left + right}) {
    const std::optional<int32_t> id = find(token);
    if (!id)
      return error(ErrorCode::data_loss, "{}/merges.txt: merge {} needs {}, which vocab.json lacks",
                   where, rank + 1, quote(token));
    *to++ = *id;
  }
  merges_.emplace(pair_key(ids[0], ids[1]), Merge{rank, ids[2]});
  return {};
}

std::optional<int32_t> BytePairs::find(const std::string& token) const {
  const auto found = vocabulary_.find(token);
  if (found == vocabulary_.end()) return std::nullopt;
  return found->second;
}

const BytePairs::Merge* BytePairs::merge_of(int32_t left, int32_t right) const {
  const auto found = merges_.find(pair_key(left, right));
  return found == merges_.end() ? nullptr : &found->second;
}

void BytePairs::encode(std::string_view word, std::vector<int32_t>& ids) const {
  const auto size = static_cast<int32_t>(word.size());
  std::vector<Symbol> symbols(word.size());
  for (int32_t i = 0; i < size; ++i) {
    const auto byte = static_cast<unsigned char>(word[i]);
    symbols[i] = {i + 1 < size ? inner_[byte] : last_[byte], i - 1, i + 1 < size ? i + 1 : -1};
  }
  std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> candidates;
  const auto consider = [&](int32_t position) {
    if (position < 0 || symbols[position].next < 0) return;
    const Merge* merge = merge_of(symbols[position].id, symbols[symbols[position].next].id);
    if (merge) candidates.push({merge->rank, position, merge->id});
  };
  for (int32_t i = 0; i < size; ++i) consider(i);
  while (!candidates.empty()) {
    const Candidate best = candidates.top();
    candidates.pop();
    Symbol& left = symbols[best.position];
    if (left.gone || left.next < 0) continue;
    Symbol& right = symbols[left.next];
    // The pair may have changed since it was considered.
    const Merge* merge = merge_of(left.id, right.id);
    if (!merge || merge->id != best.id) continue;
    left.id = best.id;
    right.gone = true;
    left.next = right.next;
    if (left.next >= 0) symbols[left.next].previous = best.position;
    consider(left.previous);
    consider(best.position);
  }
  for (const Symbol& symbol : symbols)
    if (!symbol.gone) ids.push_back(symbol.id);
}

}  // namespace tempera::diffusion

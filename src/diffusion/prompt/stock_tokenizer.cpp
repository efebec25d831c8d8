#include "diffusion/prompt/stock_tokenizer.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <vector>

#include "base/check.h"
#include "base/json.h"
#include "diffusion/prompt/utf8.h"

// third_party/clip_bpe's table: a header line, then one merge a line.
asm(R"(
.section .rodata
.globl kTemperaClipMerges, kTemperaClipMergesEnd
.hidden kTemperaClipMerges, kTemperaClipMergesEnd
kTemperaClipMerges:
.incbin ")" TEMPERA_CLIP_MERGES R"("
kTemperaClipMergesEnd:
.byte 0
.previous
)");
extern "C" {
extern const unsigned char kTemperaClipMerges[];
extern const unsigned char kTemperaClipMergesEnd[];
}

namespace tempera::diffusion {
namespace {

std::string inflate_merges() {
  constexpr int kGzip = 15 + 16;
  constexpr size_t kInflated = 524645;
  std::string text(kInflated, '\0');
  z_stream stream{};
  CHECK(inflateInit2(&stream, kGzip) == Z_OK, "zlib does not start");
  stream.next_in = const_cast<unsigned char*>(kTemperaClipMerges);
  stream.avail_in = static_cast<unsigned>(kTemperaClipMergesEnd - kTemperaClipMerges);
  stream.next_out = reinterpret_cast<unsigned char*>(text.data());
  stream.avail_out = static_cast<unsigned>(text.size());
  const int status = inflate(&stream, Z_FINISH);
  inflateEnd(&stream);
  CHECK(status == Z_STREAM_END && stream.avail_out == 0, "the built-in merges do not inflate");
  return text;
}

// GPT-2's printable characters for bytes, in the order of the vocabulary: bytes that print stand
// for themselves, the others follow from U+0100 on.
std::vector<std::string> byte_symbols() {
  std::u32string printed, others;
  for (char32_t byte = 0; byte < 256; ++byte) {
    const bool prints =
        (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
    if (prints)
      printed.push_back(byte);
    else
      others.push_back(0x100 + static_cast<char32_t>(others.size()));
  }
  std::vector<std::string> symbols;
  for (const char32_t symbol : printed + others) symbols.push_back(to_utf8({&symbol, 1}));
  return symbols;
}

constexpr std::string_view kBegin = "<|startoftext|>", kEnd = "<|endoftext|>", kPadding = "!";

// All tokens by id: bytes, bytes at a word's end, merges, begin and end of a text.
std::vector<std::string> vocabulary(std::string_view merges) {
  std::vector<std::string> tokens = byte_symbols();
  const size_t bytes = tokens.size();
  for (size_t i = 0; i < bytes; ++i) tokens.push_back(tokens[i] + "</w>");
  while (!merges.empty()) {
    const size_t end = merges.find('\n');
    std::string token(merges.substr(0, end));
    std::erase(token, ' ');
    tokens.push_back(std::move(token));
    merges.remove_prefix(end + 1);
  }
  tokens.insert(tokens.end(), {std::string(kBegin), std::string(kEnd)});
  return tokens;
}

std::string vocabulary_json(const std::vector<std::string>& tokens) {
  std::string text = "{";
  for (size_t id = 0; id < tokens.size(); ++id)
    text += fmt::format("{}{}: {}", id == 0 ? "" : ", ", Json(tokens[id]).dump(), id);
  return text + "}\n";
}

// Behind the header line.
std::string_view merges_in(std::string_view inflated) {
  return inflated.substr(inflated.find('\n') + 1);
}

}  // namespace

Tokenizer stock_tokenizer(Padding padding) {
  const std::string inflated = inflate_merges();
  const std::string_view merges = merges_in(inflated);
  BytePairs::Vocabulary ids;
  for (std::string& token : vocabulary(merges)) {
    const auto id = static_cast<int32_t>(ids.size());
    ids.emplace(std::move(token), id);
  }
  const TokenizerSettings settings{
      .begin_id = ids.at(std::string(kBegin)),
      .end_id = ids.at(std::string(kEnd)),
      .pad_id = ids.at(std::string(padding == Padding::end ? kEnd : kPadding))};
  std::vector<SpecialToken> special = {{std::string(kEnd), settings.end_id},
                                       {std::string(kBegin), settings.begin_id}};
  if (padding == Padding::exclamation) special.push_back({std::string(kPadding), settings.pad_id});
  Result<BytePairs> pairs = BytePairs::make(std::move(ids), merges, kEnd, "built-in");
  CHECK(pairs.ok(), "{}", pairs.error().message);
  return Tokenizer(std::move(pairs).value(), std::move(special), settings);
}

TokenizerFiles stock_tokenizer_files(Padding padding) {
  const std::string inflated = inflate_merges();
  const std::string_view merges = merges_in(inflated);
  Json special = {{"bos_token", kBegin},
                  {"eos_token", kEnd},
                  {"pad_token", padding == Padding::end ? kEnd : kPadding},
                  {"unk_token", kEnd}};
  Json config = {{"tokenizer_class", "CLIPTokenizer"},
                 {"model_max_length", 77},
                 {"do_lower_case", true},
                 {"add_prefix_space", false}};
  config.update(special);
  return {{"vocab.json", vocabulary_json(vocabulary(merges))},
          {"merges.txt", "#version: 0.2\n" + std::string(merges)},
          {"special_tokens_map.json", special.dump(1) + "\n"},
          {"tokenizer_config.json", config.dump(1) + "\n"}};
}

}  // namespace tempera::diffusion

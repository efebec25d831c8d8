#include "diffusion/prompt/tokenizer.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <functional>
#include <optional>

#include "base/builtin.h"
#include "base/check.h"
#include "base/file.h"
#include "base/text.h"
#include "diffusion/prompt/clip_text.h"
#include "diffusion/prompt/stock_tokenizer.h"
#include "diffusion/prompt/utf8.h"

namespace tempera::diffusion {
namespace {

// Of text beyond ASCII every byte counts as a letter.
bool is_word_byte(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte >= 0x80 || std::isalnum(byte) != 0 || c == '_';
}

// Whether a word's edge lies between text[at - 1] and text[at].
bool is_edge(std::string_view text, size_t at) {
  return at == 0 || at == text.size() || !is_word_byte(text[at - 1]) || !is_word_byte(text[at]);
}

bool stands_at(const SpecialToken& token, std::string_view text, size_t at) {
  if (!text.substr(at).starts_with(token.text)) return false;
  return !token.whole_word || (is_edge(text, at) && is_edge(text, at + token.text.size()));
}

// The longest special token of the wanted kind that stands at a place of the text, or null.
const SpecialToken* special_at(const std::vector<SpecialToken>& tokens, bool normalized,
                               std::string_view text, size_t at) {
  const SpecialToken* longest = nullptr;
  for (const SpecialToken& token : tokens)
    if (token.normalized == normalized && stands_at(token, text, at) &&
        (!longest || token.text.size() > longest->text.size()))
      longest = &token;
  return longest;
}

// Calls `plain` with the text between special tokens and adds the ids of these.
void split_special(std::string_view text, const std::vector<SpecialToken>& tokens, bool normalized,
                   const std::function<void(std::string_view)>& plain, std::vector<int32_t>& ids) {
  size_t begin = 0;
  for (size_t i = 0; i < text.size();) {
    const SpecialToken* token = special_at(tokens, normalized, text, i);
    if (!token) {
      ++i;
      continue;
    }
    plain(text.substr(begin, i - begin));
    ids.push_back(token->id);
    ids.insert(ids.end(), token->more.begin(), token->more.end());
    begin = i += token->text.size();
  }
  plain(text.substr(begin));
}

// What the configuration files of a tokenizer's folder say.
struct Settings {
  SpecialToken begin{"<|startoftext|>"};
  SpecialToken end{"<|endoftext|>"};
  SpecialToken unknown{"<|endoftext|>"};
  SpecialToken pad{"<|endoftext|>"};
  std::vector<SpecialToken> added;  // with their ids
  int64_t model_max_length = 77;
};

// A field like "bos_token": a text or an object with `content`. Missing or null keeps the value.
Status read_token(const Json& json, const std::string& key, const std::string& where,
                  SpecialToken& token) {
  const auto field = json.find(key);
  if (field == json.end() || field->is_null()) return {};
  token.normalized = false;
  if (field->is_object()) {
    ASSIGN_OR_RETURN(token.text, get<std::string>(*field, "content", where));
    ASSIGN_OR_RETURN(token.normalized, get_or<bool>(*field, "normalized", false, where));
    return {};
  }
  ASSIGN_OR_RETURN(token.text, get<std::string>(json, key, where));
  return {};
}

Status read_named_tokens(const Json& json, const std::string& where, Settings& settings) {
  TRY(read_token(json, "bos_token", where, settings.begin));
  TRY(read_token(json, "eos_token", where, settings.end));
  TRY(read_token(json, "unk_token", where, settings.unknown));
  return read_token(json, "pad_token", where, settings.pad);
}

Status read_added_token(const std::string& id, const Json& json, const std::string& where,
                        Settings& settings) {
  SpecialToken token;
  const auto wrong = [&] {
    return error(ErrorCode::data_loss, "{}: the added token {} has no id of 31 bits", where,
                 quote(id));
  };
  if (id.empty() || id.size() > 9 || id.find_first_not_of("0123456789") != std::string::npos)
    return wrong();
  token.id = std::stoi(id);
  ASSIGN_OR_RETURN(token.text, get<std::string>(json, "content", where));
  ASSIGN_OR_RETURN(token.normalized, get_or<bool>(json, "normalized", false, where));
  settings.added.push_back(std::move(token));
  return {};
}

Status read_tokenizer_config(const Json& json, const std::string& where, Settings& settings) {
  TRY(read_named_tokens(json, where, settings));
  // Files without a limit hold 1e30 here.
  ASSIGN_OR_RETURN(double length, get_or<double>(json, "model_max_length", 77.0, where));
  if (length >= 2.0 && length <= 1e6) settings.model_max_length = static_cast<int64_t>(length);
  const auto added = json.find("added_tokens_decoder");
  if (added == json.end() || !added->is_object()) return {};
  for (const auto& [id, token] : added->items()) TRY(read_added_token(id, token, where, settings));
  return {};
}

// added_tokens.json: token -> id.
Status read_added_tokens(const Json& json, const std::string& where, Settings& settings) {
  for (const auto& [text, id] : json.items()) {
    const std::optional<int32_t> number = read_token_id(id);
    if (!number)
      return error(ErrorCode::data_loss, "{}: the id of {} is not a number of 31 bits", where,
                   quote(text));
    settings.added.push_back({text, *number, true});
  }
  return {};
}

using ReadJson = Status (*)(const Json&, const std::string&, Settings&);

// Where the files are, for messages.
struct Source {
  const TokenizerFiles& files;
  const std::string& folder;

  std::string path(const std::string& name) const { return folder + "/" + name; }
};

Status read_optional(const Source& source, const std::string& name, ReadJson read,
                     Settings& settings) {
  const auto text = source.files.find(name);
  if (text == source.files.end()) return {};
  const std::string path = source.path(name);
  ASSIGN_OR_RETURN(const Json json, parse_json(text->second, path));
  if (!json.is_object()) return error(ErrorCode::data_loss, "{}: not a JSON object", path);
  return read(json, path, settings);
}

Result<Settings> read_settings(const Source& source) {
  Settings settings;
  TRY(read_optional(source, "tokenizer_config.json", read_tokenizer_config, settings));
  TRY(read_optional(source, "special_tokens_map.json", read_named_tokens, settings));
  TRY(read_optional(source, "added_tokens.json", read_added_tokens, settings));
  return settings;
}

Result<const std::string*> required(const Source& source, const std::string& name) {
  const auto text = source.files.find(name);
  if (text != source.files.end()) return &text->second;
  return error(ErrorCode::not_found, "{}: no such file", source.path(name));
}

Result<int32_t> token_id(const BytePairs& pairs, const Settings& settings, const std::string& text,
                         const std::string& folder) {
  for (const SpecialToken& token : settings.added)
    if (token.text == text) return token.id;
  if (const std::optional<int32_t> id = pairs.find(text)) return *id;
  return error(ErrorCode::data_loss, "{}/vocab.json: no token {}", folder, quote(text));
}

// Of named tokens with one text the last counts, of others the first, as in transformers.
Result<std::vector<SpecialToken>> find_special_tokens(const BytePairs& pairs,
                                                      const Settings& settings,
                                                      const std::string& folder) {
  std::vector<SpecialToken> tokens = settings.added;
  for (SpecialToken token : {settings.pad, settings.unknown, settings.end, settings.begin}) {
    const auto same = [&](const SpecialToken& other) { return other.text == token.text; };
    if (std::ranges::any_of(tokens, same)) continue;
    ASSIGN_OR_RETURN(token.id, token_id(pairs, settings, token.text, folder));
    tokens.push_back(std::move(token));
  }
  std::erase_if(tokens, [](const SpecialToken& token) { return token.text.empty(); });
  for (SpecialToken& token : tokens)
    if (token.normalized) token.text = normalize_clip_text(repair_utf8(token.text));
  return tokens;
}

}  // namespace

bool contains_word(std::string_view text, std::string_view word) {
  if (word.empty()) return false;
  for (size_t at = text.find(word); at != std::string_view::npos; at = text.find(word, at + 1))
    if (is_edge(text, at) && is_edge(text, at + word.size())) return true;
  return false;
}

std::vector<int32_t> Tokenizer::encode(std::string_view text) const {
  std::vector<int32_t> ids = {settings_.begin_id};
  const auto add_words = [&](std::string_view part) {
    for (const std::string& word : split_clip_words(part)) pairs_->encode(word, ids);
  };
  const auto add_raw = [&](std::string_view part) {
    split_special(normalize_clip_text(part), special_tokens_, true, add_words, ids);
  };
  split_special(repair_utf8(text), special_tokens_, false, add_raw, ids);
  ids.push_back(settings_.end_id);
  return ids;
}

std::vector<int32_t> Tokenizer::encode_padded(std::string_view text, int64_t length) const {
  CHECK(length >= 2, "no room for begin and end in {} tokens", length);
  std::vector<int32_t> ids = encode(text);
  const auto size = static_cast<size_t>(length);
  if (ids.size() > size) {
    ids.resize(size);
    ids.back() = settings_.end_id;
  }
  ids.resize(size, settings_.pad_id);
  return ids;
}

void Tokenizer::add_word(std::string_view word, const std::vector<int32_t>& ids) {
  CHECK(!word.empty() && !ids.empty(), "an added word without text or ids");
  special_tokens_.push_back({.text = normalize_clip_text(repair_utf8(word)),
                             .id = ids.front(),
                             .normalized = true,
                             .more = {ids.begin() + 1, ids.end()},
                             .whole_word = true});
}

size_t Tokenizer::ids_of_word(int32_t first) const {
  const auto begins = [&](const SpecialToken& t) { return !t.more.empty() && t.id == first; };
  const auto word = std::ranges::find_if(special_tokens_, begins);
  return word == special_tokens_.end() ? 1 : 1 + word->more.size();
}

Result<TokenizerFiles> read_tokenizer_files(const std::string& folder) {
  if (folder == kClipTokenizer) return stock_tokenizer_files(Padding::end);
  if (folder == kClipTokenizerSd2) return stock_tokenizer_files(Padding::exclamation);
  TokenizerFiles files;
  for (const char* name : {"vocab.json", "merges.txt"}) {
    ASSIGN_OR_RETURN(files[name], read_file(folder + "/" + name));
  }
  for (const char* name :
       {"tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"}) {
    const std::string path = folder + "/" + name;
    if (!std::filesystem::exists(path)) continue;
    ASSIGN_OR_RETURN(files[name], read_file(path));
  }
  return files;
}

Result<Tokenizer> make_tokenizer(const TokenizerFiles& files, const std::string& folder) {
  const Source source{files, folder};
  ASSIGN_OR_RETURN(const Settings settings, read_settings(source));
  ASSIGN_OR_RETURN(const std::string* vocab_text, required(source, "vocab.json"));
  ASSIGN_OR_RETURN(const Json vocab, parse_json(*vocab_text, source.path("vocab.json")));
  ASSIGN_OR_RETURN(const std::string* merges, required(source, "merges.txt"));
  ASSIGN_OR_RETURN(BytePairs pairs, BytePairs::make(vocab, *merges, settings.unknown.text, folder));
  ASSIGN_OR_RETURN(std::vector<SpecialToken> special, find_special_tokens(pairs, settings, folder));
  TokenizerSettings result{.model_max_length = settings.model_max_length};
  ASSIGN_OR_RETURN(result.begin_id, token_id(pairs, settings, settings.begin.text, folder));
  ASSIGN_OR_RETURN(result.end_id, token_id(pairs, settings, settings.end.text, folder));
  ASSIGN_OR_RETURN(result.pad_id, token_id(pairs, settings, settings.pad.text, folder));
  return Tokenizer(std::move(pairs), std::move(special), result);
}

Result<Tokenizer> load_tokenizer(const std::string& folder) {
  if (folder == kClipTokenizer) return stock_tokenizer(Padding::end);
  if (folder == kClipTokenizerSd2) return stock_tokenizer(Padding::exclamation);
  ASSIGN_OR_RETURN(const TokenizerFiles files, read_tokenizer_files(folder));
  return make_tokenizer(files, folder);
}

}  // namespace tempera::diffusion
